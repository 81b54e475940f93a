/* COPY, views over Parquet files, and the appender. */
#include "sql/internal.h"

#include <stdio.h>

static const char *format_name(enum sql_format f)
{
    switch (f) {
    case SQL_PARQUET: return "PARQUET";
    case SQL_CSV: return "CSV";
    default: return "JSON";
    }
}

static void add_copy_options(struct buf *q, const struct sql_copy *how)
{
    buf_printf(q, " (FORMAT %s", format_name(how->format));
    if (how->format == SQL_CSV) buf_str(q, ", HEADER true");
    if (how->format == SQL_JSON_ARRAY) buf_str(q, ", ARRAY true");
    const char *codec = how->codec ? how->codec : how->format == SQL_PARQUET ? "zstd" : NULL;
    if (codec) {
        buf_str(q, ", COMPRESSION ");
        sql_quote_text(q, codec, strlen(codec));
    }
    if (how->format == SQL_PARQUET && how->level) buf_printf(q, ", COMPRESSION_LEVEL %d", how->level);
    if (how->format == SQL_PARQUET && how->row_group_rows)
        buf_printf(q, ", ROW_GROUP_SIZE %llu", (unsigned long long)how->row_group_rows);
    if (how->partition_by) {
        buf_str(q, ", OVERWRITE_OR_IGNORE true, PARTITION_BY (");
        sql_quote_name(q, how->partition_by);
        buf_char(q, ')');
    }
    buf_char(q, ')');
}

enum err sql_copy_to(struct sql_conn *conn, const char *query, const char *path, const struct sql_copy *how,
                     int64_t *rows, struct error *e)
{
    struct buf q = {0};
    struct sql_result *r = NULL;
    enum err rc = ERR_OK;
    struct view statement, rest;
    bool complete;
    if (!sql_split(view_of(query), &statement, &rest, &complete))
        return err_set(e, ERR_USAGE, "there is no SQL statement");
    buf_str(&q, "COPY (");
    buf_add(&q, statement.ptr, statement.len);
    buf_str(&q, "\n) TO "); /* a new line: the query may end in a -- comment */
    sql_quote_text(&q, path, strlen(path));
    add_copy_options(&q, how);
    TRY(sql_query(conn, q.ptr, SQL_WHOLE, &r, e));
    if (rows) *rows = sql_result_changed(r);
done:
    sql_result_free(&r);
    buf_reset(&q);
    return rc;
}

static void add_view_name(struct buf *q, const struct sql_view *view)
{
    if (view->schema) {
        sql_quote_name(q, view->schema);
        buf_char(q, '.');
    }
    sql_quote_name(q, view->name);
}

static void add_empty(struct buf *q, const struct sql_view *view)
{
    buf_str(q, "SELECT ");
    for (size_t i = 0; i < view->column_count; i++) {
        buf_printf(q, "%sCAST(NULL AS %s) AS ", i ? ", " : "", view->columns[i].type);
        sql_quote_name(q, view->columns[i].name);
    }
    buf_str(q, " WHERE false");
}

static void add_paths(struct buf *q, const struct sql_view *view)
{
    buf_str(q, "FROM read_parquet([");
    for (size_t i = 0; i < view->path_count; i++) {
        if (i) buf_char(q, ',');
        sql_quote_text(q, view->paths[i], strlen(view->paths[i]));
    }
    buf_printf(q, "], hive_partitioning = %s)", view->hive ? "true" : "false");
}

enum err sql_view_parquet(struct sql_conn *conn, const struct sql_view *view, struct error *e)
{
    struct buf q = {0};
    if (!view->path_count && !view->column_count)
        return err_set(e, ERR_USAGE, "no files for the view %s", view->name);
    if (view->schema) {
        buf_str(&q, "CREATE SCHEMA IF NOT EXISTS ");
        sql_quote_name(&q, view->schema);
        buf_str(&q, ";\n");
    }
    buf_str(&q, "CREATE OR REPLACE VIEW ");
    add_view_name(&q, view);
    buf_str(&q, " AS ");
    if (view->path_count)
        add_paths(&q, view);
    else
        add_empty(&q, view);
    enum err rc = sql_exec(conn, q.ptr, e);
    buf_reset(&q);
    return rc;
}

/* ---- appender ---- */

struct sql_appender {
    struct sql_conn *conn;
    duckdb_appender appender;
    bool in_row, failed;
};

static enum err appender_fail(struct sql_appender *a, struct error *e)
{
    const char *message = duckdb_appender_error(a->appender);
    return sql_fail(a->conn, message ? message : "DuckDB gave no reason", view_of(""), view_of(""), ERR_OK, e);
}

enum err sql_append_open(struct sql_conn *conn, const char *schema, const char *table, struct sql_appender **out,
                         struct error *e)
{
    struct sql_appender *a = mem_zalloc(sizeof *a);
    enum err rc = ERR_OK;
    a->conn = conn;
    if (duckdb_appender_create(conn->conn, schema, table, &a->appender) == DuckDBError) {
        rc = appender_fail(a, e);
        sql_append_drop(&a);
    }
    *out = a;
    return rc;
}

void sql_append(struct sql_appender *a, struct sql_value value)
{
    duckdb_state state = DuckDBError;
    if (a->failed) return;
    switch (value.kind) {
    case SQL_NULL_VALUE: state = duckdb_append_null(a->appender); break;
    case SQL_INT_VALUE: state = duckdb_append_int64(a->appender, value.i); break;
    case SQL_DOUBLE_VALUE: state = duckdb_append_double(a->appender, value.d); break;
    case SQL_BOOL_VALUE: state = duckdb_append_bool(a->appender, value.i != 0); break;
    case SQL_TEXT_VALUE:
        state = duckdb_append_varchar_length(a->appender, value.text.len ? value.text.ptr : "", value.text.len);
        break;
    }
    if (state == DuckDBError) a->failed = true;
}

enum err sql_append_row(struct sql_appender *a, struct error *e)
{
    if (a->failed || duckdb_appender_end_row(a->appender) == DuckDBError) {
        a->failed = true;
        return appender_fail(a, e);
    }
    return ERR_OK;
}

enum err sql_append_close(struct sql_appender **appender, struct error *e)
{
    struct sql_appender *a = *appender;
    enum err rc = ERR_OK;
    if (!a) return ERR_OK;
    if (a->failed || duckdb_appender_close(a->appender) == DuckDBError) rc = appender_fail(a, e);
    sql_append_drop(appender);
    return rc;
}

void sql_append_drop(struct sql_appender **a)
{
    if (!*a) return;
    if ((*a)->appender) {
        duckdb_appender_clear((*a)->appender);
        duckdb_appender_destroy(&(*a)->appender);
    }
    mem_free(*a);
    *a = NULL;
}
