/* Gold as a publisher sees it: the marts' files with their columns' types and sums, and the types they get in ClickHouse.
 *
 * The sums are what is compared afterwards with the same sums made by ClickHouse: rows, and per column the values that are not
 * null, and a total: of integers their sum, of texts their length in bytes, of dates and times their days or microseconds since
 * 1970, of booleans the true ones; all of these exact. Of floating-point numbers the sum, to 9 digits. */
#ifndef LAKEFM_PUBLISH_MART_H
#define LAKEFM_PUBLISH_MART_H

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "lake/lake.h"
#include "publish/models.h"

enum mart_kind { MART_INT, MART_REAL, MART_DECIMAL, MART_TEXT, MART_BOOL, MART_DATE, MART_TIME };

struct mart_column {
    const char *name;
    const char *file_type;   /* DuckDB's: "BIGINT" */
    enum mart_kind kind;
    const char *base;        /* ClickHouse's type, not Nullable: "UInt32" */
    bool nullable;
    const char *comment;     /* NULL: none */
    int64_t values;          /* not null */
    const char *least, *most; /* of integers, as text; NULL: no value */
    const char *total;       /* as text; "0" when there is no value */
};
struct mart {
    const char *name;
    const char *comment;     /* NULL: none */
    char *path;              /* where the file can be read on this machine; NULL until asked for */
    struct hash128 hash;
    int64_t bytes, rows;
    struct mart_column *column;
    size_t column_count;
    uint64_t print;          /* of names, types and comments: changes when a table must be made anew */
};
struct marts {
    struct mart *mart; /* by name */
    size_t count;
    uint64_t version;  /* the commit */
    struct arena arena;
};

/* The marts of the lake's head. only: names, NULL-terminated; NULL: all. Types come from the file; meta.clickhouse_type wins
 * when every value fits it, ERR_INPUT otherwise, naming mart, column and value. Nullable is what the project does not test to
 * be not_null, and what has nulls. ERR_NOT_FOUND: no gold yet, or no mart of a name; ERR_RETRY: the lake moved on: reload. */
enum err marts_read(struct lake *lake, const struct model_notes *notes, const char *const *only, struct marts *out,
                    struct error *e) MUST_CHECK;
void marts_reset(struct marts *marts);

/* ClickHouse's type for DuckDB's, before the notes: BIGINT → Int64. NULL: none fits. */
const char *mart_type_of(struct arena *arena, const char *duckdb, enum mart_kind *kind);
/* May `wanted` be the type of such a column? Why not: ERR_INPUT. least and most: of its values, NULL when there are none. */
enum err mart_type_check(const char *wanted, enum mart_kind kind, const char *base, const char *least, const char *most,
                         struct error *e) MUST_CHECK;
/* "Nullable(UInt32)", "LowCardinality(Nullable(String))"; appends. */
void mart_type_add(struct buf *out, const struct mart_column *c);

#endif
