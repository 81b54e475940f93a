/* DuckDB behind a small wrapper. src/sql is the only room that includes duckdb.h.
 *
 * Opening a database costs about 20 ms: nobody opens one who needs no SQL.
 *
 * Ownership: _open/_prepare/_query hand out heap objects; each has a _close/_free that takes the handle's address, nulls
 * it and accepts NULL. Children first: results before their statement, statements and appenders before their connection,
 * connections before the database. SQL texts and values given to a call are copied or done with when it returns.
 *
 * Threads: a database may be used by many threads at once, a connection (with its statements, results, appenders) by one
 * at a time. sql_interrupt and sql_progress may be called from any thread while the connection lives.
 *
 * Time zone: every database here runs with TimeZone = 'UTC', whatever the machine says.
 *
 * Errors: `what` is DuckDB's message without its excerpt ("Binder Error: Referenced column …; Candidate bindings: …"),
 * `where` is "line 3, column 8" of the SQL text as given when DuckDB knows it; sql_conn_place has the numbers and the
 * line, for those who map them to a file. Codes: ERR_INPUT for SQL that is wrong, ERR_STOPPED when interrupted,
 * ERR_RETRY when the time limit passed, ERR_NO_SPACE when the memory limit or the disk is full, ERR_IO, ERR_NOT_FOUND
 * (file or table), ERR_BUSY (database file locked by another process), ERR_USAGE for a wrong call. After an error the
 * connection can be used on; an open transaction is DuckDB's affair (ROLLBACK). */
#ifndef LAKEFM_SQL_SQL_H
#define LAKEFM_SQL_SQL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <signal.h>
#include <stdint.h>

struct sql_db;
struct sql_conn;
struct sql_stmt;
struct sql_result;
struct sql_appender;

/* ---- databases and connections ---- */

struct sql_options {
    const char *path;      /* database file, made when missing; NULL: in memory */
    uint64_t memory_bytes; /* 0: DuckDB's default, 80 % of the machine */
    unsigned threads;      /* 0: one per core */
    bool read_only;        /* a path that must exist; other read-only processes may have it open too */
    const char *temp_dir;  /* where big sorts and joins spill; NULL: beside the file, none when in memory */
    bool any_order;        /* rows of COPY and of queries without ORDER BY may come in any order: less memory */
};
enum err sql_open(const struct sql_options *o, struct sql_db **out, struct error *e) MUST_CHECK;
void sql_close(struct sql_db **db);

/* From here on no statement of any connection reads or writes files outside the given ones, loads extensions, attaches
 * databases, or changes the configuration; it cannot be undone. Directories are with all below them. The temp_dir and the
 * database's own file stay allowed. Together with sql_is_one_select this is what a SQL console needs. */
struct sql_lock {
    const char *const *paths; /* files, exactly as the statements will name them */
    size_t path_count;
    const char *const *dirs;
    size_t dir_count;
};
enum err sql_db_lock(struct sql_db *db, const struct sql_lock *lock, struct error *e) MUST_CHECK;

enum err sql_connect(struct sql_db *db, struct sql_conn **out, struct error *e) MUST_CHECK;
void sql_disconnect(struct sql_conn **conn);
const char *sql_version(void); /* DuckDB's, "v1.5.6" */

/* What may end a statement early, and who hears of its progress; kept until set anew (not while a streaming result is
 * open), {0} clears. Looked after by one
 * background thread, which exists only while a watched statement runs (streaming: until its result is freed).
 * on_progress is called from that thread, about 10 times a second, with 0..100, or -1 when DuckDB cannot tell. */
struct sql_watch {
    uint32_t timeout_ms;                 /* per statement, 0: none */
    const volatile sig_atomic_t *stop;   /* non-zero: interrupt */
    void (*on_progress)(void *ctx, double percent);
    void *ctx;
};
void sql_conn_watch(struct sql_conn *conn, const struct sql_watch *watch);
void sql_interrupt(struct sql_conn *conn);  /* the running statement ends with ERR_STOPPED; none running: no effect */
double sql_progress(struct sql_conn *conn); /* 0..100, -1 when unknown */

/* Where in the SQL text the last failed call of this connection went wrong. */
struct sql_place {
    uint32_t line, column; /* from 1, column in bytes; 0 when unknown */
    char excerpt[160];     /* the part of the line around it, "" when unknown */
    uint32_t caret;        /* from 0, in bytes, within excerpt */
};
const struct sql_place *sql_conn_place(const struct sql_conn *conn); /* valid until the next call */

/* ---- running ---- */

/* All statements of the text, in order, until the first error; results are dropped. The whole text is parsed before the
 * first statement runs. */
enum err sql_exec(struct sql_conn *conn, const char *script, struct error *e) MUST_CHECK;
/* As sql_exec with the text made by printf; use sql_quote_* for names and texts in it. */
enum err sql_execf(struct sql_conn *conn, struct error *e, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(3, 4);

enum sql_mode {
    SQL_WHOLE,  /* the result is computed whole and kept: sql_result_rows works */
    SQL_STREAM, /* chunks are computed as they are asked for; the connection is busy until the result is freed */
};
/* Runs all statements of the text; the result is that of the last. */
enum err sql_query(struct sql_conn *conn, const char *text, enum sql_mode mode, struct sql_result **out,
                   struct error *e) MUST_CHECK;
/* Calls back with the result of each statement, which is freed after the call; a failing callback ends it. */
typedef enum err sql_each_fn(void *ctx, struct sql_result *r, struct error *e);
enum err sql_each(struct sql_conn *conn, const char *script, enum sql_mode mode, sql_each_fn *fn, void *ctx,
                  struct error *e) MUST_CHECK;

/* The first value of the first row; ERR_NOT_FOUND when there is no row or it is NULL. */
enum err sql_one_i64(struct sql_conn *conn, const char *text, int64_t *out, struct error *e) MUST_CHECK;
enum err sql_one_text(struct sql_conn *conn, const char *text, struct buf *out, struct error *e) MUST_CHECK; /* appends */

/* ---- prepared statements ---- */

enum sql_kind_of_statement {
    SQL_STMT_SELECT, /* SELECT, FROM, VALUES, TABLE, WITH … SELECT, SHOW, DESCRIBE, SUMMARIZE, some PRAGMAs */
    SQL_STMT_EXPLAIN,
    SQL_STMT_WRITE,  /* INSERT, UPDATE, DELETE, MERGE */
    SQL_STMT_DDL,    /* CREATE, ALTER, DROP */
    SQL_STMT_COPY,
    SQL_STMT_TRANSACTION,
    SQL_STMT_OTHER,  /* SET, ATTACH, PRAGMA, CALL, LOAD, … */
};
/* Exactly one statement; ERR_USAGE for none or several. Tables and columns it names must exist. */
enum err sql_prepare(struct sql_conn *conn, const char *text, struct sql_stmt **out, struct error *e) MUST_CHECK;
void sql_stmt_free(struct sql_stmt **stmt);
enum sql_kind_of_statement sql_stmt_kind(const struct sql_stmt *stmt);
size_t sql_stmt_parameters(const struct sql_stmt *stmt); /* `?`, $1, $name, in order of first use */

struct sql_value {
    enum { SQL_NULL_VALUE, SQL_INT_VALUE, SQL_DOUBLE_VALUE, SQL_BOOL_VALUE, SQL_TEXT_VALUE } kind;
    int64_t i; /* also of bool */
    double d;
    struct view text; /* UTF-8 */
};
static inline struct sql_value sql_null(void) { return (struct sql_value){.kind = SQL_NULL_VALUE}; }
static inline struct sql_value sql_int(int64_t i) { return (struct sql_value){.kind = SQL_INT_VALUE, .i = i}; }
static inline struct sql_value sql_double(double d) { return (struct sql_value){.kind = SQL_DOUBLE_VALUE, .d = d}; }
static inline struct sql_value sql_bool(bool b) { return (struct sql_value){.kind = SQL_BOOL_VALUE, .i = b}; }
static inline struct sql_value sql_text(struct view t) { return (struct sql_value){.kind = SQL_TEXT_VALUE, .text = t}; }

/* index from 1. Values stay bound for further runs. */
enum err sql_bind(struct sql_stmt *stmt, size_t index, struct sql_value value, struct error *e) MUST_CHECK;
/* All parameters must be bound. One result of a statement at a time. */
enum err sql_run(struct sql_stmt *stmt, enum sql_mode mode, struct sql_result **out, struct error *e) MUST_CHECK;

/* True when the text is exactly one statement of kind SELECT that can be prepared. Such a statement can still read files
 * (read_csv) and settings: sql_db_lock. ERR_INPUT with the reason otherwise. */
enum err sql_is_one_select(struct sql_conn *conn, const char *text, struct error *e) MUST_CHECK;

/* ---- results ---- */

/* What a column's values are to a C program; the accessor that fits is named. */
enum sql_kind {
    SQL_BOOL,      /* sql_get_bool */
    SQL_INT,       /* TINYINT … BIGINT, UTINYINT … UINTEGER: sql_get_i64 */
    SQL_HUGE,      /* UBIGINT, HUGEINT, UHUGEINT, BIGNUM: sql_get_text; sql_get_double loses digits */
    SQL_DECIMAL,   /* sql_get_text, sql_get_double */
    SQL_DOUBLE,    /* FLOAT, DOUBLE: sql_get_double */
    SQL_TEXT,      /* VARCHAR, JSON, ENUM, UUID: sql_get_text */
    SQL_BLOB,      /* sql_get_text as DuckDB prints it, sql_get_blob the bytes */
    SQL_DATE,      /* sql_get_i64: days since 1970-01-01 */
    SQL_TIME,      /* sql_get_text */
    SQL_TIMESTAMP, /* all of them: sql_get_i64 = microseconds since the epoch (UTC) */
    SQL_NESTED,    /* LIST, ARRAY, STRUCT, MAP, UNION: sql_get_text, sql_add_json */
    SQL_OTHER,     /* INTERVAL, BIT, …: sql_get_text */
};
size_t sql_result_columns(const struct sql_result *r); /* 0 for statements that return nothing (SET, CREATE …) */
const char *sql_column_name(const struct sql_result *r, size_t column);
const char *sql_column_type(const struct sql_result *r, size_t column); /* "DECIMAL(18,3)", "STRUCT(a INTEGER)[]" */
enum sql_kind sql_column_kind(const struct sql_result *r, size_t column);
enum sql_kind_of_statement sql_result_statement(const struct sql_result *r);
int64_t sql_result_rows(const struct sql_result *r);    /* -1 when streaming */
int64_t sql_result_changed(const struct sql_result *r); /* rows inserted, updated, deleted, copied; 0 otherwise */
void sql_result_free(struct sql_result **r);

/* Goes to the next chunk and says how many rows it has: 0 at the end. Rows are then read by number, 0 … rows - 1. */
enum err sql_next(struct sql_result *r, size_t *rows, struct error *e) MUST_CHECK;
bool sql_is_null(const struct sql_result *r, size_t column, size_t row);
/* The getters give 0 / "" for NULL. A getter that does not fit the column's kind gives 0; sql_get_double fits INT, HUGE,
 * DECIMAL and DOUBLE. */
bool sql_get_bool(const struct sql_result *r, size_t column, size_t row);
int64_t sql_get_i64(const struct sql_result *r, size_t column, size_t row);
double sql_get_double(const struct sql_result *r, size_t column, size_t row);
struct view sql_get_blob(const struct sql_result *r, size_t column, size_t row); /* valid until sql_next or free */
/* Any value, as DuckDB casts it to VARCHAR. Valid until sql_next or free. */
struct view sql_get_text(struct sql_result *r, size_t column, size_t row);
void sql_add_text(struct sql_result *r, size_t column, size_t row, struct buf *out); /* the same, appended; NULL: nothing */
/* As a JSON value: null, true, numbers (NaN and infinities: null; HUGE and DECIMAL in full), strings, arrays, objects (MAP
 * too, keys as text). A VARCHAR of type JSON is copied as it is. */
void sql_add_json(struct sql_result *r, size_t column, size_t row, struct buf *out);

/* ---- text of SQL ---- */

void sql_quote_name(struct buf *out, const char *name);            /* "name", quotes doubled; always quoted */
void sql_quote_text(struct buf *out, const char *text, size_t len); /* 'text' */
/* The first statement of a script, without its `;`, white space and comments around it kept; *rest is what follows. Knows
 * strings, quoted names, comments, dollar quotes. `complete` is false when no `;` ended it. False when nothing but white
 * space and comments is left. */
bool sql_split(struct view script, struct view *statement, struct view *rest, bool *complete);

/* ---- files ---- */

enum sql_format { SQL_PARQUET, SQL_CSV, SQL_JSON_LINES, SQL_JSON_ARRAY };
struct sql_copy {
    enum sql_format format;
    const char *codec;         /* parquet: "zstd" by default, "snappy", "gzip", "uncompressed"; csv, json: "gzip", "zstd" */
    int level;                 /* parquet zstd: 1..22, 0: DuckDB's default */
    uint64_t row_group_rows;   /* parquet, 0: DuckDB's default of 122,880 */
    const char *partition_by;  /* a column, or NULL; then path is a folder */
};
/* COPY (query) TO path; replaces a file. Not fsynced: whoever publishes it must do that. */
enum err sql_copy_to(struct sql_conn *conn, const char *query, const char *path, const struct sql_copy *how,
                     int64_t *rows, struct error *e) MUST_CHECK;
/* CREATE OR REPLACE VIEW schema.name over Parquet files or globs, which must match something; schema (NULL: main) is made
 * when missing. hive: `date=…` in the paths becomes a column. */
struct sql_column_def {
    const char *name, *type; /* an SQL type */
};
struct sql_view {
    const char *schema, *name;
    const char *const *paths;
    size_t path_count;
    bool hive;
    const struct sql_column_def *columns; /* of the empty view that is made when path_count is 0 */
    size_t column_count;                  /* 0: no paths is ERR_USAGE */
};
enum err sql_view_parquet(struct sql_conn *conn, const struct sql_view *view, struct error *e) MUST_CHECK;

/* ---- appender: many rows into a table that exists, converted to its columns' types ---- */

enum err sql_append_open(struct sql_conn *conn, const char *schema, const char *table, struct sql_appender **out,
                         struct error *e) MUST_CHECK;
/* Every column of the row, in order. An error is kept and reported by sql_append_row. */
void sql_append(struct sql_appender *a, struct sql_value value);
enum err sql_append_row(struct sql_appender *a, struct error *e) MUST_CHECK;
/* Writes what is left; rows appended before an error stay out. Frees. */
enum err sql_append_close(struct sql_appender **a, struct error *e) MUST_CHECK;
void sql_append_drop(struct sql_appender **a); /* forgets what was not yet written; frees */

#endif
