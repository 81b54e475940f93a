#include "publish/mart.h"

#include "sql/sql.h"


/* The parquet_schema of a timestamp in ms is TIMESTAMP to DuckDB; ClickHouse reads it into any precision. */
static enum err describe(struct sql_conn *conn, const struct model_notes *notes, struct mart *m, struct arena *arena,
                         struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0};
    struct sql_result *r = NULL;
    size_t n;
    buf_str(&sql, "select * from read_parquet(");
    sql_quote_text(&sql, m->path, strlen(m->path));
    buf_str(&sql, ", hive_partitioning = false) limit 0");
    TRY(sql_query(conn, sql.ptr, SQL_WHOLE, &r, e));
    n = sql_result_columns(r);
    m->column = arena_zalloc(arena, n * sizeof *m->column);
    m->column_count = n;
    for (size_t i = 0; i < n; i++) {
        struct mart_column *c = &m->column[i];
        c->name = arena_strdup(arena, sql_column_name(r, i));
        c->file_type = arena_strdup(arena, sql_column_type(r, i));
        c->base = mart_type_of(arena, c->file_type, &c->kind);
        if (!c->base) {
            err_set(e, ERR_UNSUPPORTED, "%s.%s is %s, which has no counterpart in ClickHouse here", m->name, c->name, c->file_type);
            TRY(err_hint(e, "cast it in the model, for example to VARCHAR"));
        }
        const struct model_column *note = model_notes_find(notes, m->name, c->name);
        c->comment = note && note->description ? arena_strdup(arena, note->description) : NULL;
        c->nullable = !note || !note->not_null;
    }
done:
    sql_result_free(&r);
    buf_reset(&sql);
    return rc;
}

static void add_total(struct buf *sql, const struct mart_column *c)
{
    struct buf name = {0};
    sql_quote_name(&name, c->name);
    const char *q = name.ptr;
    switch (c->kind) {
    case MART_INT: buf_printf(sql, "sum(cast(%s as hugeint))", q); break;
    case MART_REAL: buf_printf(sql, "sum(cast(%s as double))", q); break;
    case MART_DECIMAL: buf_printf(sql, "sum(%s)", q); break;
    case MART_TEXT:
        if (!strcmp(c->file_type, "BLOB")) buf_printf(sql, "sum(cast(octet_length(%s) as hugeint))", q);
        else buf_printf(sql, "sum(cast(strlen(%s) as hugeint))", q);
        break;
    case MART_BOOL: buf_printf(sql, "sum(cast(%s as integer))", q); break;
    case MART_DATE: buf_printf(sql, "sum(cast(date_diff('day', date '1970-01-01', %s) as hugeint))", q); break;
    case MART_TIME: buf_printf(sql, "sum(cast(epoch_us(%s) as hugeint))", q); break;
    }
    buf_reset(&name);
}

static const char *cell(struct sql_result *r, size_t column, struct arena *arena)
{
    if (sql_is_null(r, column, 0)) return NULL;
    struct view v = sql_get_text(r, column, 0);
    return arena_strndup(arena, v.ptr, v.len);
}

/* One pass over the file: rows, and for each column the values, least, most, total. */
static enum err count(struct sql_conn *conn, struct mart *m, struct arena *arena, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0}, name = {0};
    struct sql_result *r = NULL;
    size_t rows;
    buf_str(&sql, "select count(*)");
    for (size_t i = 0; i < m->column_count; i++) {
        buf_clear(&name);
        sql_quote_name(&name, m->column[i].name);
        bool whole = m->column[i].kind == MART_INT;
        buf_printf(&sql, ", count(%s), %s%s%s, %s%s%s, ", name.ptr, whole ? "min(" : "", whole ? name.ptr : "null",
                   whole ? ")" : "", whole ? "max(" : "", whole ? name.ptr : "null", whole ? ")" : "");
        add_total(&sql, &m->column[i]);
    }
    buf_str(&sql, " from read_parquet(");
    sql_quote_text(&sql, m->path, strlen(m->path));
    buf_str(&sql, ", hive_partitioning = false)");
    TRY(sql_query(conn, sql.ptr, SQL_WHOLE, &r, e));
    TRY(sql_next(r, &rows, e));
    m->rows = sql_get_i64(r, 0, 0);
    for (size_t i = 0; i < m->column_count; i++) {
        struct mart_column *c = &m->column[i];
        c->values = sql_get_i64(r, 1 + 4 * i, 0);
        c->least = cell(r, 2 + 4 * i, arena);
        c->most = cell(r, 3 + 4 * i, arena);
        const char *total = cell(r, 4 + 4 * i, arena);
        c->total = total ? total : "0";
        if (c->values < m->rows) c->nullable = true;
    }
done:
    sql_result_free(&r);
    buf_reset(&sql);
    buf_reset(&name);
    return rc;
}

static enum err settle(const struct model_notes *notes, struct mart *m, struct arena *arena, struct error *e)
{
    struct buf print = {0};
    const struct model_column *model = model_notes_find(notes, m->name, NULL);
    enum err rc = ERR_OK;
    m->comment = model && model->description ? arena_strdup(arena, model->description) : NULL;
    buf_printf(&print, "%s\n", m->comment ? m->comment : "");
    for (size_t i = 0; i < m->column_count; i++) {
        struct mart_column *c = &m->column[i];
        const struct model_column *note = model_notes_find(notes, m->name, c->name);
        if (note && note->type) {
            if (mart_type_check(note->type, c->kind, c->base, c->least, c->most, e) != ERR_OK) {
                err_context(e, "%s.%s: ", m->name, c->name);
                TRY(err_where(e, "%s:%u", note->file, note->line));
            }
            c->base = arena_strdup(arena, note->type);
        }
        buf_printf(&print, "%s %s %d %s\n", c->name, c->base, c->nullable, c->comment ? c->comment : "");
    }
    m->print = hash_64(print.ptr, print.len, 0);
done:
    buf_reset(&print);
    return rc;
}

static bool chosen(const char *name, const char *const *only)
{
    if (!only || !only[0]) return true;
    for (size_t i = 0; only[i]; i++)
        if (!strcmp(only[i], name)) return true;
    return false;
}

static enum err check_names(const struct lake_files *files, const char *const *only, struct error *e)
{
    const char *names[256];
    size_t n = 0;
    for (size_t i = 0; i < files->count && n < 255; i++) names[n++] = files->file[i]->table;
    names[n] = NULL;
    for (size_t i = 0; only && only[i]; i++) {
        bool found = false;
        for (size_t k = 0; k < files->count; k++) found |= !strcmp(files->file[k]->table, only[i]);
        if (found) continue;
        const char *near = str_nearest(only[i], names);
        err_set(e, ERR_NOT_FOUND, "gold has no table %s", only[i]);
        return near ? err_hint(e, "did you mean %s?", near) : err_hint(e, "see: lakefm status");
    }
    return ERR_OK;
}

enum err marts_read(struct lake *lake, const struct model_notes *notes, const char *const *only, struct marts *out,
                    struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_files files = {0};
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    memset(out, 0, sizeof *out);
    arena_init(&out->arena);
    struct lake_filter filter = {.layers = 1u << LAKE_GOLD};
    lake_files(lake, &filter, &files);
    out->version = files.number;
    if (!files.count) {
        err_set(e, ERR_NOT_FOUND, "the lake has no gold yet");
        TRY(err_hint(e, "run: lakefm --lake %s build", lake_url(lake)));
    }
    TRY(check_names(&files, only, e));
    TRY(sql_open(&(struct sql_options){.memory_bytes = 256u << 20, .threads = 2}, &db, e));
    TRY(sql_connect(db, &conn, e));
    out->mart = arena_zalloc(&out->arena, files.count * sizeof *out->mart);
    for (size_t i = 0; i < files.count; i++) {
        const struct lake_file *f = files.file[i];
        if (!chosen(f->table, only)) continue;
        struct mart *m = &out->mart[out->count++];
        m->name = arena_strdup(&out->arena, f->table);
        m->hash = f->hash;
        m->bytes = f->bytes;
        TRY(lake_file_path(lake, f, &m->path, e));
        TRY(describe(conn, notes, m, &out->arena, e));
        TRY(count(conn, m, &out->arena, e));
        TRY(settle(notes, m, &out->arena, e));
    }
done:
    sql_disconnect(&conn);
    sql_close(&db);
    lake_files_free(&files);
    if (rc != ERR_OK) marts_reset(out);
    return rc;
}

void marts_reset(struct marts *marts)
{
    for (size_t i = 0; i < marts->count; i++) mem_free(marts->mart[i].path);
    arena_reset(&marts->arena);
    memset(marts, 0, sizeof *marts);
}
