#include "publish/clickhouse_load.h"

#include "sql/sql.h"

struct rows { /* a result on its way as TSV */
    struct sql_result *r;
    size_t columns;
};

static void add_cell(struct buf *out, struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        switch (v.ptr[i]) {
        case '\\': buf_str(out, "\\\\"); break;
        case '\t': buf_str(out, "\\t"); break;
        case '\n': buf_str(out, "\\n"); break;
        case '\0': buf_str(out, "\\0"); break;
        default: buf_char(out, v.ptr[i]);
        }
    }
}

static enum err more(void *ctx, struct buf *out, struct error *e)
{
    struct rows *rows = ctx;
    size_t n;
    enum err rc = sql_next(rows->r, &n, e);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        for (size_t k = 0; k < rows->columns; k++) {
            if (k) buf_char(out, '\t');
            if (sql_is_null(rows->r, k, i)) buf_str(out, "\\N");
            else add_cell(out, sql_get_text(rows->r, k, i));
        }
        buf_char(out, '\n');
    }
    return rc;
}

static enum err load_text(struct click *c, const struct mart *m, const char *insert, struct error *e)
{
    enum err rc = ERR_OK;
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    struct rows rows = {.columns = m->column_count};
    struct buf sql = {0};
    for (size_t i = 0; i < m->column_count; i++)
        if (m->column[i].kind == MART_BOOL || m->column[i].kind == MART_DATE || m->column[i].kind == MART_TIME)
            TRY(err_set(e, ERR_UNSUPPORTED, "%s.%s: ClickHouse %s has no %s", m->name, m->column[i].name, click_version(c), m->column[i].base));
    TRY(sql_open(&(struct sql_options){.memory_bytes = 256u << 20, .threads = 2}, &db, e));
    TRY(sql_connect(db, &conn, e));
    buf_str(&sql, "select * from read_parquet(");
    sql_quote_text(&sql, m->path, strlen(m->path));
    buf_str(&sql, ", hive_partitioning = false)");
    TRY(sql_query(conn, sql.ptr, SQL_STREAM, &rows.r, e));
    TRY(click_insert(c, insert, more, &rows, e));
done:
    sql_result_free(&rows.r);
    sql_disconnect(&conn);
    sql_close(&db);
    buf_reset(&sql);
    return rc;
}

enum err clickhouse_load(struct click *c, const struct mart *m, const char *database, const char *table, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0};
    int64_t written;
    if (click_modern(c)) {
        clickhouse_insert_sql(m, database, table, &sql);
        TRY(click_insert_file(c, sql.ptr, m->path, &written, e));
        if (written >= 0 && written != m->rows)
            TRY(err_set(e, ERR_CORRUPT, "ClickHouse took %lld rows, the file has %lld", (long long)written, (long long)m->rows));
    } else {
        buf_str(&sql, "INSERT INTO ");
        click_name(&sql, database);
        buf_char(&sql, '.');
        click_name(&sql, table);
        buf_str(&sql, " FORMAT TabSeparated");
        TRY(load_text(c, m, sql.ptr, e));
    }
done:
    buf_reset(&sql);
    return rc;
}
