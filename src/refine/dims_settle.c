/* Users whose levels could not be placed: their events between the ends of what is in doubt are read from the facts. */
#include "refine/dims_state.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sql/sql.h"

#include <string.h>

struct loose {
    int64_t user, from, to;
};

struct settle {
    struct dims *d;
    struct loose *loose;
    size_t count, cap;
    int64_t from, to; /* over all */
    struct sql_db *db;
    struct sql_conn *conn;
};

static void collect(struct settle *s)
{
    struct dims *d = s->d;
    for (size_t i = 0; i < d->touched_user_count; i++) {
        const struct dims_user *u = &d->user[d->touched_user[i]];
        struct loose one = {.user = u->id};
        if (!runs_hull(&u->runs, &one.from, &one.to)) continue;
        if (!s->count || one.from < s->from) s->from = one.from;
        if (!s->count || one.to > s->to) s->to = one.to;
        mem_grow(&s->loose, &s->cap, s->count + 1, sizeof *s->loose);
        s->loose[s->count++] = one;
    }
}

static enum err append_loose(struct settle *s, struct error *e)
{
    struct sql_appender *a = NULL;
    enum err rc;
    TRY(sql_exec(s->conn, "create temp table loose (id bigint, from_ts bigint, to_ts bigint)", e));
    TRY(sql_append_open(s->conn, NULL, "loose", &a, e));
    for (size_t i = 0; i < s->count; i++) {
        sql_append(a, sql_int(s->loose[i].user));
        sql_append(a, sql_int(s->loose[i].from));
        sql_append(a, sql_int(s->loose[i].to));
        TRY(sql_append_row(a, e));
    }
    TRY(sql_append_close(&a, e));
done:
    sql_append_drop(&a);
    return rc;
}

/* The event's time in ms: the time column, or event_time where the table keeps only that. */
static bool add_time(struct buf *q, const struct contract *c)
{
    for (uint16_t i = 0; i < c->fact_count; i++)
        if (c->fact[i].source == CONTRACT_FROM_JSON && c->fact[i].column == c->time_column &&
            c->fact[i].type == CONTRACT_INT64) {
            sql_quote_name(q, c->fact[i].name);
            return true;
        }
    for (uint16_t i = 0; i < c->fact_count; i++)
        if (c->fact[i].source == CONTRACT_EVENT_TIME) {
            buf_str(q, "epoch_ms(");
            sql_quote_name(q, c->fact[i].name);
            buf_str(q, ")");
            return true;
        }
    return false;
}

static enum err add_table(struct settle *s, struct lake *lake, const struct contract *c, const struct dims_fact *facts,
                          size_t count, struct buf *q, struct error *e)
{
    struct lake_files files = {0};
    struct lake_filter filter = {.layers = 1u << LAKE_SILVER, .table = c->table, .by_date = true,
                                 .from_date = clock_day_of_ms(s->from), .to_date = clock_day_of_ms(s->to)};
    size_t listed = 0, start = q->len;
    char *path = NULL;
    enum err rc = ERR_OK;

    if (start) buf_str(q, " union all ");
    buf_str(q, "select \"userId\"::bigint as id, ");
    if (!add_time(q, c)) goto done;
    buf_printf(q, " as ts, %s as item, \"level\"::varchar as lev from read_parquet([",
               contract_fact_find(c, "itemInSession") != CONTRACT_NONE ? "\"itemInSession\"::bigint" : "0");
    if (lake) lake_files(lake, &filter, &files);
    for (size_t i = 0; i < files.count; i++) {
        if (!files.file[i]->rows) continue;
        TRY(lake_file_path(lake, files.file[i], &path, e));
        if (listed++) buf_char(q, ',');
        sql_quote_text(q, path, strlen(path));
        mem_free(path);
        path = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (facts[i].contract != c || facts[i].day < filter.from_date || facts[i].day > filter.to_date) continue;
        if (listed++) buf_char(q, ',');
        sql_quote_text(q, facts[i].path, strlen(facts[i].path));
    }
    buf_str(q, "], union_by_name = true, hive_partitioning = false)");
done:
    mem_free(path);
    lake_files_free(&files);
    if (!listed) {
        q->len = start;
        if (q->ptr) q->ptr[start] = '\0';
    }
    return rc;
}

/* Events of one user, in order, become runs. */
struct rebuilt {
    int64_t user;
    struct run *run;
    size_t count, cap;
};

static void finish_user(struct dims *d, struct rebuilt *r)
{
    struct dims_user *u = dims_user_get(d, r->user);
    if (!u->runs.loose) return;
    runs_replace(&u->runs, r->run, r->count);
    d->history_changed = d->users_changed = true;
}

static void take_event(struct dims *d, struct rebuilt *r, struct sql_result *result, size_t row)
{
    int64_t user = sql_get_i64(result, 0, row), ts = sql_get_i64(result, 1, row);
    uint32_t item = (uint32_t)sql_get_i64(result, 2, row), level = dims_code(d, sql_get_text(result, 3, row));
    if (r->count && user != r->user) {
        finish_user(d, r);
        r->count = 0;
    }
    r->user = user;
    if (!r->count || r->run[r->count - 1].level != level) {
        mem_grow(&r->run, &r->cap, r->count + 1, sizeof *r->run);
        r->run[r->count++] = (struct run){.from_ts = ts, .from_item = item, .level = level};
    }
    r->run[r->count - 1].to_ts = ts;
    r->run[r->count - 1].to_item = item;
}

static enum err read_events(struct settle *s, const char *tables, struct error *e)
{
    struct buf q = {0};
    struct sql_result *result = NULL;
    struct rebuilt r = {.user = INT64_MIN};
    size_t rows = 0;
    enum err rc;
    buf_printf(&q, "select f.id, f.ts, f.item, f.lev from (%s) f join loose on f.id = loose.id and f.ts between "
                   "loose.from_ts and loose.to_ts where f.lev is not null order by f.id, f.ts, f.item, f.lev", tables);
    TRY(sql_query(s->conn, q.ptr, SQL_STREAM, &result, e));
    for (;;) {
        TRY(sql_next(result, &rows, e));
        if (!rows) break;
        for (size_t row = 0; row < rows; row++) take_event(s->d, &r, result, row);
    }
    if (r.count) finish_user(s->d, &r);
done:
    sql_result_free(&result);
    buf_reset(&q);
    mem_free(r.run);
    return rc;
}

bool dims_loose(const struct dims *d)
{
    for (size_t i = 0; i < d->touched_user_count; i++)
        if (d->user[d->touched_user[i]].runs.loose) return true;
    return false;
}

static bool can_tell(const struct contract *c)
{
    return c->table && contract_feeds(c, "dim_user") && contract_fact_find(c, "userId") != CONTRACT_NONE &&
           contract_fact_find(c, "level") != CONTRACT_NONE;
}

enum err dims_settle(struct dims *d, struct lake *lake, const struct schema_set *contracts, const struct dims_fact *facts,
                     size_t count, struct error *e)
{
    struct settle s = {.d = d};
    struct buf tables = {0};
    enum err rc = ERR_OK;

    collect(&s);
    if (!s.count) goto done;
    for (size_t i = 0; i < contracts->count; i++)
        if (can_tell(contracts->contracts[i])) TRY(add_table(&s, lake, contracts->contracts[i], facts, count, &tables, e));
    if (tables.len) {
        TRY(sql_open(&(struct sql_options){.memory_bytes = 256u << 20}, &s.db, e));
        TRY(sql_connect(s.db, &s.conn, e));
        TRY(append_loose(&s, e));
        TRY(read_events(&s, tables.ptr, e));
    }
    /* Levels that are in no fact table cannot be read again: what was placed stays. */
    for (size_t i = 0; i < s.count; i++) dims_user_get(d, s.loose[i].user)->runs.loose = false;
done:
    sql_disconnect(&s.conn);
    sql_close(&s.db);
    mem_free(s.loose);
    buf_reset(&tables);
    return rc;
}
