/* The DuckDB database of a run: opened on first use, its relations cached as dbt caches them, one session (connection
 * and transaction) per running node. Thread-safe but for a session, which belongs to one thread. */
#ifndef LAKEFM_MODEL_WAREHOUSE_H
#define LAKEFM_MODEL_WAREHOUSE_H

#include "model/dbt.h"
#include "sql/sql.h"

enum relation_type { REL_NONE, REL_TABLE, REL_VIEW, REL_CTE, REL_EXTERNAL, REL_MATERIALIZED_VIEW, REL_FUNCTION };
extern const char *const RELATION_TYPE_NAMES[]; /* by enum; "" for REL_NONE */
enum relation_type relation_type_of(const char *name);

struct cached { /* a relation of the database, as last heard */
    const char *database, *schema, *identifier;
    enum relation_type type;
    bool gone;
};

struct warehouse {
    struct dbt *d;
    pthread_mutex_t lock;
    struct sql_db *db;     /* NULL: not open yet */
    struct sql_conn *main; /* for the caches; guarded by lock */
    bool known;            /* the cache holds every relation of the attached databases */
    struct arena arena;    /* of the cache */
    struct cached **cache;
    size_t cache_count, cache_cap;
    struct names by_name; /* "database.schema.identifier" in lower case → struct cached */
    struct texts schemas; /* "database.schema" in lower case */
    bool wrote;           /* something was changed in this run */
};

struct session {
    struct warehouse *w;
    struct sql_conn *conn;
    bool in_transaction;
    int64_t changed; /* rows inserted, updated, deleted in lasting tables by this session */
    bool wrote;      /* a statement other than a query ran */
};

struct warehouse *warehouse_new(struct dbt *d);
void warehouse_free(struct warehouse **w);
/* Opens the database as the profile says: attach, extensions, settings, secrets. */
enum err warehouse_open(struct warehouse *w, struct error *e) MUST_CHECK;

enum err session_begin(struct warehouse *w, struct session *s,
                       struct error *e) MUST_CHECK; /* opens the warehouse if need be */
void session_end(struct session *s);                /* rolls back what is open, closes */
/* Runs all statements; the last one's result goes to *out when `out` is not NULL (free with sql_result_free). A failure
 * rolls the transaction back. */
enum err session_run(struct session *s, const char *sql, bool auto_begin, struct sql_result **out,
                     struct error *e) MUST_CHECK;
enum err session_commit(struct session *s, struct error *e) MUST_CHECK;

/* The cache. NULL: there is no such relation. Names are matched without regard to case. */
enum err warehouse_find(struct warehouse *w, struct session *s, const char *database, const char *schema,
                        const char *identifier, struct cached *out, bool *found, struct error *e) MUST_CHECK;
enum err warehouse_know(struct warehouse *w, struct error *e) MUST_CHECK; /* fills the cache */
void warehouse_added(struct warehouse *w, const char *database, const char *schema, const char *identifier,
                     enum relation_type type);
void warehouse_dropped(struct warehouse *w, const char *database, const char *schema, const char *identifier);
bool warehouse_has_schema(struct warehouse *w, const char *database, const char *schema);
void warehouse_schema_added(struct warehouse *w, const char *database, const char *schema);
void warehouse_schema_dropped(struct warehouse *w, const char *database, const char *schema);

#endif
