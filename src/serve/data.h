/* The lake as SQL for the page: a pool of connections over views of exactly the files that the log vouches for, renewed with
 * each commit. Thread-safe. */
#ifndef LAKEFM_SERVE_DATA_H
#define LAKEFM_SERVE_DATA_H

#include "lake/lake.h"
#include "schema/contract.h"
#include "serve/clause.h"
#include "sql/sql.h"

struct data;
struct data_options {
    const char *lake_url;
    const struct schema_set *contracts;
    uint64_t memory_bytes;
};
/* A lake that is not there yet is no error: queries fail with ERR_NOT_FOUND until data_refresh finds it. */
enum err data_open(const struct data_options *o, struct data **out, struct error *e) MUST_CHECK;
void data_close(struct data **d);

/* Looks at the log; *changed: there is a new commit, and views are renewed. */
enum err data_refresh(struct data *d, bool *changed, struct error *e) MUST_CHECK;
/* The commit that queries see; 0 when there is no lake. */
uint64_t data_version(struct data *d);
/* The last commit that changed one of the tables named in this SQL (its words are compared with the tables' names); queries of
 * equal version give equal rows. Appends the tables' names as a JSON array to tables (may be NULL). */
uint64_t data_version_of(struct data *d, const char *sql, struct buf *tables);
/* The lake, for status; NULL: none. Stays until data_close. */
struct lake *data_lake(struct data *d);

enum data_format { DATA_JSON, DATA_CSV, DATA_PARQUET };
struct data_limits {
    int64_t rows;        /* 0: no limit; more are cut and said so */
    uint32_t timeout_ms;
    size_t bytes;        /* 0: no limit; rows beyond it are cut (JSON, CSV) and said so */
    uint64_t memory_bytes; /* 0: no limit of its own; the process may grow by about this much while it runs */
    bool select_only;    /* the console: exactly one SELECT */
    bool plan;           /* its plan instead of its rows */
};
/* Runs sql with its values and appends the result: JSON as "columns":[…],"rows":[…],"truncated":false without braces around;
 * CSV with a header; Parquet as bytes. Errors: see sql.h; ERR_USAGE for a missing parameter. */
enum err data_query(struct data *d, const char *sql, const struct clause_value *values, size_t value_count,
                    enum data_format format, const struct data_limits *limits, struct buf *out, struct error *e) MUST_CHECK;

#endif
