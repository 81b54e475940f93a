#include "publish/clickhouse.h"

#include "publish/clickhouse_load.h"


struct existing { /* a table that is there */
    char *engine, *comment;
    bool there, ours, holds_data;
};
struct work {
    struct click *c;
    const struct clickhouse_options *o;
    const struct marts *marts;
    bool modern, exchange; /* exchange: the database is Atomic, or of a kind built on it */
    struct existing *old;  /* by mart */
    bool *staged;          /* by mart: its new table waits under the new name */
};

static void add_full(struct buf *out, const struct work *w, const char *table, const char *suffix)
{
    struct buf name = {0};
    buf_printf(&name, "%s%s", table, suffix);
    click_name(out, w->o->database);
    buf_char(out, '.');
    click_name(out, name.ptr);
    buf_reset(&name);
}
static char *full(const struct work *w, const char *table, const char *suffix)
{
    struct buf b = {0};
    add_full(&b, w, table, suffix);
    return buf_take(&b);
}

static const char fresh[] = "__lakefm_new", stale[] = "__lakefm_old";

/* ---- looking ---- */

static enum err look_at_database(struct work *w, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0}, engine = {0};
    buf_str(&sql, "SELECT engine FROM system.databases WHERE name = ");
    click_text(&sql, w->o->database);
    TRY(click_value(w->c, sql.ptr, &engine, e));
    if (!engine.len) {
        struct buf create = {0};
        buf_str(&create, "CREATE DATABASE IF NOT EXISTS ");
        click_name(&create, w->o->database);
        rc = click_run(w->c, create.ptr, e);
        buf_reset(&create);
        TRY(rc);
        TRY(click_value(w->c, sql.ptr, &engine, e));
    }
    w->exchange = w->modern && strcmp(engine.ptr, "Ordinary") != 0;
done:
    buf_reset(&sql);
    buf_reset(&engine);
    return rc;
}

static bool holds_data(const char *engine)
{
    static const char *const readers[] = {"HDFS", "File", "View", "URL", "S3", "Null", NULL};
    for (size_t i = 0; readers[i]; i++)
        if (!strcmp(readers[i], engine)) return false;
    return true;
}

static struct existing *find_old(struct work *w, const char *name)
{
    for (size_t i = 0; i < w->marts->count; i++)
        if (!strcmp(w->marts->mart[i].name, name)) return &w->old[i];
    return NULL;
}

static enum err look_at_tables(struct work *w, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0}, rows = {0}, name = {0}, engine = {0}, comment = {0};
    bool null;
    buf_printf(&sql, "SELECT name, engine, %s FROM system.tables WHERE database = ", w->modern ? "comment" : "''");
    click_text(&sql, w->o->database);
    TRY(click_rows(w->c, sql.ptr, &rows, e));
    for (const char *at = rows.ptr; *at;) {
        click_cell(&at, &name, &null);
        click_cell(&at, &engine, &null);
        click_cell(&at, &comment, &null);
        struct existing *x = find_old(w, name.ptr);
        if (!x) continue;
        x->there = true;
        x->ours = str_starts(comment.ptr, "lakefm ");
        x->holds_data = holds_data(engine.ptr);
        x->engine = mem_strdup(engine.ptr);
        x->comment = mem_strdup(comment.ptr);
    }
done:
    buf_reset(&sql);
    buf_reset(&rows);
    buf_reset(&name);
    buf_reset(&engine);
    buf_reset(&comment);
    return rc;
}

/* An older server keeps no comments: a table with our columns is ours. */
static enum err same_columns(struct work *w, const struct mart *m, bool *same, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0}, rows = {0}, want = {0};
    buf_str(&sql, "SELECT name, type FROM system.columns WHERE database = ");
    click_text(&sql, w->o->database);
    buf_str(&sql, " AND table = ");
    click_text(&sql, m->name);
    TRY(click_rows(w->c, sql.ptr, &rows, e));
    for (size_t i = 0; i < m->column_count; i++) {
        buf_printf(&want, "%s\t", m->column[i].name);
        mart_type_add(&want, &m->column[i]);
        buf_char(&want, '\n');
    }
    *same = rows.len == want.len && !memcmp(rows.ptr, want.ptr, want.len);
done:
    buf_reset(&sql);
    buf_reset(&rows);
    buf_reset(&want);
    return rc;
}

static enum err refuse_foreign(struct work *w, struct error *e)
{
    for (size_t i = 0; i < w->marts->count; i++) {
        struct existing *x = &w->old[i];
        const struct mart *m = &w->marts->mart[i];
        if (!x->there || x->ours || !x->holds_data || w->o->replace) continue;
        if (!w->modern) {
            enum err rc = same_columns(w, m, &x->ours, e);
            if (rc != ERR_OK) return rc;
            if (x->ours) continue;
        }
        err_set(e, ERR_EXISTS, "%s.%s (%s) is there already and was not made by lakefm", w->o->database, m->name, x->engine);
        return err_hint(e, "rename it, publish into another database (clickhouse.database), or say --replace");
    }
    return ERR_OK;
}

/* ---- making ---- */

static enum err check(struct work *w, const struct mart *m, const char *suffix, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sql = {0}, row = {0}, name = {0};
    buf_printf(&name, "%s%s", m->name, suffix);
    clickhouse_totals_sql(m, w->o->database, name.ptr, w->modern, &sql);
    TRY(click_rows(w->c, sql.ptr, &row, e));
    TRY(clickhouse_totals_check(m, row.ptr, w->modern, e));
done:
    buf_reset(&sql);
    buf_reset(&row);
    buf_reset(&name);
    return rc;
}

static enum err drop(struct work *w, const char *table, const char *suffix, struct error *e)
{
    char *name = full(w, table, suffix);
    enum err rc = click_runf(w->c, e, "DROP TABLE IF EXISTS %s%s", name, w->modern ? " SYNC" : "");
    mem_free(name);
    return rc;
}

static enum err refuse_old(const struct work *w, struct error *e)
{
    if (w->modern || w->o->mode == CLICKHOUSE_LOAD) return ERR_OK;
    err_set(e, ERR_UNSUPPORTED, "ClickHouse %s is too old for mode %s", click_version(w->c), clickhouse_modes[w->o->mode]);
    return err_hint(e, "use --mode load");
}

/* The new table, whole and checked, under a name that nobody reads. */
static enum err stage(struct work *w, const struct mart *m, const char *stamp, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf name = {0}, sql = {0};
    buf_printf(&name, "%s%s", m->name, fresh);
    TRY(drop(w, m->name, fresh, e));
    clickhouse_ddl(m, w->o, name.ptr, w->modern ? stamp : NULL, false, &sql);
    TRY(click_run(w->c, sql.ptr, e));
    if (w->o->mode == CLICKHOUSE_LOAD) TRY(clickhouse_load(w->c, m, w->o->database, name.ptr, e));
    if (!w->o->no_check) TRY(check(w, m, fresh, e));
done:
    if (rc != ERR_OK) err_context(e, "%s: ", m->name);
    buf_reset(&name);
    buf_reset(&sql);
    return rc;
}

static enum err swap(struct work *w, const struct mart *m, bool there, struct error *e)
{
    enum err rc = ERR_OK;
    char *live = full(w, m->name, ""), *new = full(w, m->name, fresh), *old = full(w, m->name, stale);
    if (!there) {
        TRY(click_runf(w->c, e, "RENAME TABLE %s TO %s", new, live));
    } else if (w->exchange) {
        TRY(click_runf(w->c, e, "EXCHANGE TABLES %s AND %s", new, live));
        TRY(drop(w, m->name, fresh, e));
    } else {
        TRY(drop(w, m->name, stale, e));
        TRY(click_runf(w->c, e, "RENAME TABLE %s TO %s, %s TO %s", live, old, new, live));
        TRY(drop(w, m->name, stale, e));
    }
done:
    mem_free(live);
    mem_free(new);
    mem_free(old);
    return rc;
}

static bool stopped(const struct work *w) { return w->o->stop && *w->o->stop; }

/* A table with the right stamp and the right totals stays. */
static enum err prepare(struct work *w, size_t i, struct error *e)
{
    enum err rc = ERR_OK;
    const struct mart *m = &w->marts->mart[i];
    const struct existing *x = &w->old[i];
    struct buf stamp = {0};
    if (stopped(w)) return err_set(e, ERR_STOPPED, "interrupted");
    clickhouse_stamp(m, w->o, &stamp);
    size_t len = stamp.len;
    bool same = x->ours && x->comment && !strncmp(x->comment, stamp.ptr, len) && (!x->comment[len] || x->comment[len] == ':');
    if (same) {
        struct error no = {0};
        same = w->o->no_check || check(w, m, "", &no) == ERR_OK;
    }
    if (!same) {
        TRY(stage(w, m, stamp.ptr, e));
        w->staged[i] = true;
    }
done:
    buf_reset(&stamp);
    return rc;
}

enum err clickhouse_publish(struct click *c, const struct marts *marts, const struct clickhouse_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct work w = {.c = c, .o = o, .marts = marts, .modern = click_modern(c)};
    w.old = mem_zalloc((marts->count + 1) * sizeof *w.old);
    w.staged = mem_zalloc(marts->count + 1);
    TRY(refuse_old(&w, e));
    TRY(look_at_database(&w, e));
    TRY(look_at_tables(&w, e));
    TRY(refuse_foreign(&w, e));
    for (size_t i = 0; i < marts->count; i++) TRY(prepare(&w, i, e));
    for (size_t i = 0; i < marts->count; i++) {
        const char *what = !w.staged[i] ? "unchanged" : w.old[i].there ? "replaced" : "made";
        if (w.staged[i]) TRY(swap(&w, &marts->mart[i], w.old[i].there, e));
        w.staged[i] = false;
        if (o->done) o->done(o->ctx, &marts->mart[i], what);
    }
done:
    for (size_t i = 0; i < marts->count; i++) {
        if (w.staged[i]) (void)!drop(&w, marts->mart[i].name, fresh, NULL);
        mem_free(w.old[i].engine);
        mem_free(w.old[i].comment);
    }
    mem_free(w.old);
    mem_free(w.staged);
    return rc;
}
