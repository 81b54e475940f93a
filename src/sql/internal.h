/* What the files of src/sql share. Nobody else includes this. */
#ifndef LAKEFM_SQL_INTERNAL_H
#define LAKEFM_SQL_INTERNAL_H

#include "base/mem.h"
#include "sql/sql.h"

#include <duckdb.h>
#include <pthread.h>

struct sql_db {
    duckdb_database db;
};

/* The background thread of one watched statement. */
struct sql_watcher {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t deadline_ns; /* 0: none */
    bool running, over;
    enum err fired; /* ERR_OK, ERR_STOPPED, ERR_RETRY (time limit) */
};

struct sql_conn {
    duckdb_connection conn;
    struct sql_watch watch;
    struct sql_watcher watcher;
    bool progress_set;
    struct sql_place place;
};

struct sql_stmt {
    struct sql_conn *conn;
    duckdb_prepared_statement prepared;
    char *text; /* for places in errors */
};

struct sql_column {
    char *name, *type;
    enum sql_kind kind;
    duckdb_type id;
    duckdb_logical_type logical;
    /* of the present chunk */
    duckdb_vector vector;
    const void *data;
    uint64_t *valid; /* NULL: no NULLs */
};

struct sql_result {
    struct sql_conn *conn;
    duckdb_result result;
    bool streaming, watched;
    enum sql_kind_of_statement statement;
    int64_t changed;
    size_t columns;
    struct sql_column *column;
    duckdb_data_chunk chunk;
    struct arena texts; /* of the present chunk */
};

/* Runs between begin and end are looked after; end says why the statement was ended early, if it was. */
enum err sql_watch_begin(struct sql_conn *conn, struct error *e) MUST_CHECK;
enum err sql_watch_end(struct sql_conn *conn);

/* DuckDB's message → *e and conn->place. piece is the text DuckDB saw; `before` is what came before it in the text the
 * caller gave. fired: from sql_watch_end. */
enum err sql_fail(struct sql_conn *conn, const char *message, struct view before, struct view piece, enum err fired,
                  struct error *e);
enum sql_kind_of_statement sql_kind_of(duckdb_statement_type type);
/* Takes over *result. */
enum err sql_result_new(struct sql_conn *conn, duckdb_result *result, bool streaming, struct sql_result **out,
                        struct error *e) MUST_CHECK;
void sql_type_name(duckdb_logical_type type, struct buf *out);
enum sql_kind sql_kind_of_type(duckdb_type id);
/* DuckDB's cast of one value of a vector to VARCHAR, appended. Not for NULL. */
void sql_cell_text(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out);
void sql_cell_json(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out);

#endif
