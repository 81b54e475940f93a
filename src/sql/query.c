#include "sql/internal.h"

#include <stdio.h>

enum sql_kind_of_statement sql_kind_of(duckdb_statement_type type)
{
    switch (type) {
    case DUCKDB_STATEMENT_TYPE_SELECT: return SQL_STMT_SELECT;
    case DUCKDB_STATEMENT_TYPE_EXPLAIN: return SQL_STMT_EXPLAIN;
    case DUCKDB_STATEMENT_TYPE_INSERT:
    case DUCKDB_STATEMENT_TYPE_UPDATE:
    case DUCKDB_STATEMENT_TYPE_DELETE:
    case DUCKDB_STATEMENT_TYPE_MERGE_INTO: return SQL_STMT_WRITE;
    case DUCKDB_STATEMENT_TYPE_CREATE:
    case DUCKDB_STATEMENT_TYPE_CREATE_FUNC:
    case DUCKDB_STATEMENT_TYPE_ALTER:
    case DUCKDB_STATEMENT_TYPE_DROP: return SQL_STMT_DDL;
    case DUCKDB_STATEMENT_TYPE_COPY: return SQL_STMT_COPY;
    case DUCKDB_STATEMENT_TYPE_TRANSACTION: return SQL_STMT_TRANSACTION;
    default: return SQL_STMT_OTHER;
    }
}

/* A piece of a script, for running it and for saying where in the script it failed. */
struct piece {
    struct view before, text; /* text is terminated */
};

static enum err run_prepared(struct sql_conn *conn, duckdb_prepared_statement prepared, const struct piece *piece,
                             enum sql_mode mode, struct sql_result **out, struct error *e)
{
    enum err rc = sql_watch_begin(conn, e);
    if (rc != ERR_OK) return rc;
    duckdb_result result;
    bool streaming = mode == SQL_STREAM &&
                     sql_kind_of(duckdb_prepared_statement_type(prepared)) == SQL_STMT_SELECT;
    duckdb_state state = streaming ? duckdb_execute_prepared_streaming(prepared, &result)
                                   : duckdb_execute_prepared(prepared, &result);
    if (state == DuckDBError) {
        enum err fired = sql_watch_end(conn);
        const char *message = duckdb_result_error(&result);
        rc = sql_fail(conn, message ? message : "", piece->before, piece->text, fired, e);
        duckdb_destroy_result(&result);
        return rc;
    }
    if (!streaming) sql_watch_end(conn);
    return sql_result_new(conn, &result, streaming, out, e);
}

/* Statement i of the extracted ones. */
static enum err run_extracted(struct sql_conn *conn, duckdb_extracted_statements all, idx_t i, const struct piece *piece,
                              enum sql_mode mode, struct sql_result **out, struct error *e)
{
    duckdb_prepared_statement prepared = NULL;
    enum err rc;
    if (duckdb_prepare_extracted_statement(conn->conn, all, i, &prepared) == DuckDBError) {
        const char *message = duckdb_prepare_error(prepared);
        rc = sql_fail(conn, message ? message : "", piece->before, piece->text, ERR_OK, e);
    } else {
        rc = run_prepared(conn, prepared, piece, mode, out, e);
    }
    duckdb_destroy_prepare(&prepared);
    return rc;
}

/* What becomes of each result; it may keep it by nulling *r. */
typedef enum err taker(void *ctx, struct sql_result **r, struct error *e);

struct script_run {
    struct sql_conn *conn;
    enum sql_mode mode;
    bool stream_last_only;
    taker *take;
    void *ctx;
};

/* One piece is one statement as typed, but DuckDB may make several of it (PIVOT). */
static enum err run_piece(const struct script_run *run, const struct piece *piece, bool last, struct error *e)
{
    enum err rc = ERR_OK;
    struct sql_result *result = NULL;
    duckdb_extracted_statements all = NULL;
    idx_t count = duckdb_extract_statements(run->conn->conn, piece->text.ptr, &all);
    const char *message = count ? NULL : duckdb_extract_statements_error(all);
    if (message) rc = sql_fail(run->conn, message, piece->before, piece->text, ERR_OK, e);
    for (idx_t i = 0; i < count && rc == ERR_OK; i++) {
        bool stream = run->mode == SQL_STREAM && i + 1 == count && (last || !run->stream_last_only);
        TRY(run_extracted(run->conn, all, i, piece, stream ? SQL_STREAM : SQL_WHOLE, &result, e));
        if (run->take && i + 1 == count) TRY(run->take(run->ctx, &result, e));
        sql_result_free(&result);
    }
done:
    sql_result_free(&result);
    duckdb_destroy_extracted(&all);
    return rc;
}

/* A script with a mistake in its grammar is refused before anything of it runs. */
static enum err check_grammar(struct sql_conn *conn, const char *script, struct error *e)
{
    duckdb_extracted_statements all = NULL;
    enum err rc = ERR_OK;
    if (!duckdb_extract_statements(conn->conn, script, &all)) {
        const char *message = duckdb_extract_statements_error(all);
        if (message) rc = sql_fail(conn, message, view_of(""), view_of(script), ERR_OK, e);
    }
    duckdb_destroy_extracted(&all);
    return rc;
}

static enum err run_script(const struct script_run *run, const char *script, struct error *e)
{
    enum err rc = ERR_OK;
    char *text = NULL;
    struct view statement, rest = view_of(script), next;
    bool complete, checked = false, more = sql_split(rest, &statement, &rest, &complete);
    run->conn->place = (struct sql_place){0};
    while (more) {
        more = sql_split(rest, &next, &rest, &complete);
        if (more && !checked) TRY(check_grammar(run->conn, script, e));
        checked = true;
        mem_free(text);
        text = mem_strndup(statement.ptr, statement.len);
        struct piece piece = {view_from(script, (size_t)(statement.ptr - script)), view_from(text, statement.len)};
        TRY(run_piece(run, &piece, !more, e));
        statement = next;
    }
done:
    mem_free(text);
    return rc;
}

enum err sql_exec(struct sql_conn *conn, const char *script, struct error *e)
{
    return run_script(&(struct script_run){.conn = conn}, script, e);
}

enum err sql_execf(struct sql_conn *conn, struct error *e, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t len = (size_t)vsnprintf(NULL, 0, fmt, ap);
    char *script = mem_alloc(len + 1);
    vsnprintf(script, len + 1, fmt, again);
    va_end(again);
    va_end(ap);
    enum err rc = sql_exec(conn, script, e);
    mem_free(script);
    return rc;
}

static enum err keep_last(void *ctx, struct sql_result **r, struct error *e)
{
    (void)e;
    struct sql_result **kept = ctx;
    sql_result_free(kept);
    *kept = *r;
    *r = NULL;
    return ERR_OK;
}

enum err sql_query(struct sql_conn *conn, const char *text, enum sql_mode mode, struct sql_result **out,
                   struct error *e)
{
    *out = NULL;
    struct script_run run = {.conn = conn, .mode = mode, .stream_last_only = true, .take = keep_last, .ctx = out};
    enum err rc = run_script(&run, text, e);
    if (rc != ERR_OK) sql_result_free(out);
    if (rc == ERR_OK && !*out) return err_set(e, ERR_USAGE, "there is no SQL statement");
    return rc;
}

struct each {
    sql_each_fn *fn;
    void *ctx;
};

static enum err give_each(void *ctx, struct sql_result **r, struct error *e)
{
    struct each *each = ctx;
    return each->fn(each->ctx, *r, e);
}

enum err sql_each(struct sql_conn *conn, const char *script, enum sql_mode mode, sql_each_fn *fn, void *ctx,
                  struct error *e)
{
    struct each each = {fn, ctx};
    return run_script(&(struct script_run){.conn = conn, .mode = mode, .take = give_each, .ctx = &each}, script, e);
}

/* ---- one value ---- */

static enum err first_row(struct sql_conn *conn, const char *text, struct sql_result **r, struct error *e)
{
    size_t rows = 0;
    enum err rc = ERR_OK;
    TRY(sql_query(conn, text, SQL_WHOLE, r, e));
    if (sql_result_columns(*r)) TRY(sql_next(*r, &rows, e));
    if (!rows || sql_is_null(*r, 0, 0)) rc = err_set(e, ERR_NOT_FOUND, "the query gave no value");
done:
    return rc;
}

enum err sql_one_i64(struct sql_conn *conn, const char *text, int64_t *out, struct error *e)
{
    struct sql_result *r = NULL;
    enum err rc = ERR_OK;
    TRY(first_row(conn, text, &r, e));
    struct view value = sql_get_text(r, 0, 0);
    /* count(*) is BIGINT, sum() of integers HUGEINT: both, as long as the value fits. */
    char *copy = mem_strndup(value.ptr, value.len);
    bool ok = str_i64(copy, out);
    if (!ok) rc = err_set(e, ERR_USAGE, "%s is no 64-bit integer", copy);
    mem_free(copy);
done:
    sql_result_free(&r);
    return rc;
}

enum err sql_one_text(struct sql_conn *conn, const char *text, struct buf *out, struct error *e)
{
    struct sql_result *r = NULL;
    enum err rc = ERR_OK;
    TRY(first_row(conn, text, &r, e));
    sql_add_text(r, 0, 0, out);
done:
    sql_result_free(&r);
    return rc;
}

/* ---- prepared statements ---- */

enum err sql_prepare(struct sql_conn *conn, const char *text, struct sql_stmt **out, struct error *e)
{
    *out = NULL;
    conn->place = (struct sql_place){0};
    duckdb_extracted_statements all = NULL;
    idx_t count = duckdb_extract_statements(conn->conn, text, &all);
    const char *message = count ? NULL : duckdb_extract_statements_error(all);
    enum err rc = ERR_OK;
    if (message)
        rc = sql_fail(conn, message, view_of(""), view_of(text), ERR_OK, e);
    else if (count != 1)
        rc = err_set(e, ERR_USAGE, count ? "%llu SQL statements where one is wanted" : "there is no SQL statement",
                     (unsigned long long)count);
    duckdb_destroy_extracted(&all);
    if (rc != ERR_OK) return rc;
    struct sql_stmt *stmt = mem_zalloc(sizeof *stmt);
    stmt->conn = conn;
    stmt->text = mem_strdup(text);
    if (duckdb_prepare(conn->conn, text, &stmt->prepared) == DuckDBError) {
        message = duckdb_prepare_error(stmt->prepared);
        rc = sql_fail(conn, message ? message : "", view_of(""), view_of(text), ERR_OK, e);
        sql_stmt_free(&stmt);
    }
    *out = stmt;
    return rc;
}

void sql_stmt_free(struct sql_stmt **stmt)
{
    if (!*stmt) return;
    duckdb_destroy_prepare(&(*stmt)->prepared);
    mem_free((*stmt)->text);
    mem_free(*stmt);
    *stmt = NULL;
}

enum sql_kind_of_statement sql_stmt_kind(const struct sql_stmt *stmt)
{
    return sql_kind_of(duckdb_prepared_statement_type(stmt->prepared));
}

size_t sql_stmt_parameters(const struct sql_stmt *stmt) { return duckdb_nparams(stmt->prepared); }

enum err sql_bind(struct sql_stmt *stmt, size_t index, struct sql_value value, struct error *e)
{
    duckdb_state state = DuckDBError;
    if (value.kind == SQL_TEXT_VALUE && !utf8_valid(value.text.ptr, value.text.len))
        return err_set(e, ERR_USAGE, "parameter %zu is not valid UTF-8", index);
    switch (value.kind) {
    case SQL_NULL_VALUE: state = duckdb_bind_null(stmt->prepared, index); break;
    case SQL_INT_VALUE: state = duckdb_bind_int64(stmt->prepared, index, value.i); break;
    case SQL_DOUBLE_VALUE: state = duckdb_bind_double(stmt->prepared, index, value.d); break;
    case SQL_BOOL_VALUE: state = duckdb_bind_boolean(stmt->prepared, index, value.i != 0); break;
    case SQL_TEXT_VALUE:
        state = duckdb_bind_varchar_length(stmt->prepared, index, value.text.len ? value.text.ptr : "", value.text.len);
        break;
    }
    if (state == DuckDBSuccess) return ERR_OK;
    return err_set(e, ERR_USAGE, "there is no parameter %zu among %zu", index, sql_stmt_parameters(stmt));
}

enum err sql_run(struct sql_stmt *stmt, enum sql_mode mode, struct sql_result **out, struct error *e)
{
    *out = NULL;
    stmt->conn->place = (struct sql_place){0};
    struct piece piece = {view_of(""), view_of(stmt->text)};
    return run_prepared(stmt->conn, stmt->prepared, &piece, mode, out, e);
}

enum err sql_is_one_select(struct sql_conn *conn, const char *text, struct error *e)
{
    struct sql_stmt *stmt = NULL;
    enum err rc = sql_prepare(conn, text, &stmt, e);
    if (rc == ERR_USAGE) return err_set(e, ERR_INPUT, "%s", "exactly one SELECT is allowed here");
    if (rc == ERR_OK && sql_stmt_kind(stmt) != SQL_STMT_SELECT)
        rc = err_set(e, ERR_INPUT, "only a SELECT is allowed here");
    sql_stmt_free(&stmt);
    return rc;
}
