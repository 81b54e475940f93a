/* microbatch: an incremental model run once per hour, day, month or year, its inputs filtered by their event_time. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

#include <stdlib.h>

enum size { HOUR, DAY, MONTH, YEAR, NO_SIZE };
static const char *const SIZES[] = {"hour", "day", "month", "year"};
enum { HOUR_MS = 3600000 };

bool node_is_microbatch(const struct node *n)
{
    return n->kind == NODE_MODEL && !strcmp(node_materialized(n), "incremental") &&
           !strcmp(value_get_text(n->config, "incremental_strategy", ""), "microbatch");
}

static int64_t floor_to(int64_t ms, enum size size)
{
    struct civil c;
    clock_civil(ms, &c);
    switch (size) {
    case HOUR: return ms - (ms % HOUR_MS + HOUR_MS) % HOUR_MS;
    case DAY: return clock_day_of_ms(ms) * CLOCK_DAY_MS;
    case MONTH: return clock_days(c.year, c.month, 1) * CLOCK_DAY_MS;
    default: return clock_days(c.year, 1, 1) * CLOCK_DAY_MS;
    }
}

static int64_t offset(int64_t ms, enum size size, int64_t by)
{
    struct civil c;
    int64_t floored = floor_to(ms, size);
    clock_civil(floored, &c);
    if (size == HOUR) return floored + by * HOUR_MS;
    if (size == DAY) return floored + by * CLOCK_DAY_MS;
    if (size == YEAR) return clock_days((int32_t)(c.year + by), 1, 1) * CLOCK_DAY_MS;
    int64_t month = c.year * 12LL + c.month - 1 + by;
    return clock_days((int32_t)(month / 12), (unsigned)(month % 12) + 1, 1) * CLOCK_DAY_MS;
}

static int64_t ceiling(int64_t ms, enum size size) { return floor_to(ms, size) == ms ? ms : offset(ms, size, 1); }

/* "2024-01-01 00:00:00+00:00" */
static const char *time_text(struct dbt *d, int64_t ms)
{
    struct civil c;
    clock_civil(ms, &c);
    return arena_printf(&d->arena, "%04d-%02d-%02d %02d:%02d:%02d+00:00", c.year, c.month, c.day, c.hour, c.minute,
                        c.second);
}

static const char *label_of(struct dbt *d, int64_t ms, enum size size)
{
    struct civil c;
    clock_civil(ms, &c);
    if (size == YEAR) return arena_printf(&d->arena, "%04d", c.year);
    if (size == MONTH) return arena_printf(&d->arena, "%04d-%02d", c.year, c.month);
    if (size == DAY) return arena_printf(&d->arena, "%04d-%02d-%02d", c.year, c.month, c.day);
    return arena_printf(&d->arena, "%04d-%02d-%02dT%02d", c.year, c.month, c.day, c.hour);
}

static bool parse_time(struct dbt *d, const char *text, int64_t *ms)
{
    char *copy = arena_strdup(&d->arena, text);
    if (strlen(copy) > 10 && copy[10] == ' ') copy[10] = 'T';
    char *zone = strlen(copy) > 19 ? strpbrk(copy + 19, "+Z") : NULL;
    if (zone) *zone = 0;
    return clock_parse_iso(copy, ms);
}

struct batches {
    enum size size;
    int64_t from, to;
    bool exists; /* the table is there and is not to be made anew */
};

static enum err bad(const struct node *n, struct error *e, const char *what)
{
    err_set(e, ERR_INPUT, "microbatch model '%s' %s", n->name, what);
    return err_where(e, "%s", n->original_path);
}

enum err node_check_microbatch(struct dbt *d, const struct node *n, struct error *e)
{
    struct jinja_value time = jinja_dict_get(n->config, "event_time"), begin = jinja_dict_get(n->config, "begin"),
                       back = jinja_dict_get(n->config, "lookback");
    const char *size = value_get_text(n->config, "batch_size", "");
    int64_t ms;
    bool known = false;
    if (!jinja_is_string(time))
        return bad(n, e, "must provide an 'event_time' (string) config that indicates the name of the event time column");
    if (value_is_null(begin))
        return bad(n, e, "must provide a 'begin' (datetime) config that indicates the earliest timestamp the microbatch "
                         "model should be built from");
    if (!parse_time(d, value_str(&d->arena, d->env, begin), &ms))
        return bad(n, e, "must provide a 'begin' config of valid datetime (ISO format)");
    for (size_t i = 0; i < NO_SIZE; i++) known |= !strcmp(size, SIZES[i]);
    if (!known)
        return bad(n, e, "must provide a 'batch_size' config that is one of ['hour', 'day', 'month', 'year']");
    if (!value_is_null(back) && back.type != JINJA_INT)
        return bad(n, e, "must provide the optional 'lookback' config as type int");
    return ERR_OK;
}

static enum err plan(struct run *run, struct node *n, struct batches *b, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct cached found;
    bool there = false;
    const char *size = value_get_text(n->config, "batch_size", "");
    for (b->size = HOUR; b->size < NO_SIZE && strcmp(SIZES[b->size], size); b->size++) {
    }
    if (b->size == NO_SIZE) return bad(n, e, "does not have a 'batch_size' config (one of hour, day, month, year)");
    TRY(warehouse_find(d->warehouse, NULL, n->database, n->schema, n->alias, &found, &there, e));
    struct jinja_value own = jinja_dict_get(n->config, "full_refresh");
    bool refresh = value_is_null(own) ? value_get_bool(d->flags, "FULL_REFRESH", false) : value_truth(own);
    b->exists = there && found.type == REL_TABLE && !refresh;
    int64_t end = clock_now_ms(), start = 0;
    pthread_mutex_lock(&d->lock);
    if (d->o->event_time_end && !parse_time(d, d->o->event_time_end, &end))
        rc = err_set(e, ERR_USAGE, "--event-time-end '%s' is no time", d->o->event_time_end);
    b->to = ceiling(end, b->size);
    struct jinja_value begin = jinja_dict_get(n->config, "begin"), lookback = jinja_dict_get(n->config, "lookback");
    if (d->o->event_time_start) {
        if (!parse_time(d, d->o->event_time_start, &start))
            rc = err_set(e, ERR_USAGE, "--event-time-start '%s' is no time", d->o->event_time_start);
        b->from = floor_to(start, b->size);
    } else if (!b->exists) {
        if (value_is_null(begin))
            rc = bad(n, e, "requires a 'begin' configuration");
        else if (!parse_time(d, value_str(&d->arena, d->env, begin), &start))
            rc = bad(n, e, "has a 'begin' that is no time");
        b->from = floor_to(start, b->size);
    } else {
        int64_t back = lookback.type == JINJA_INT ? lookback.as.integer : 1;
        b->from = offset(b->to, b->size, -(floor_to(b->to, b->size) == b->to ? back + 1 : back));
    }
    pthread_mutex_unlock(&d->lock);
done:
    return rc;
}

const char *context_event_filter(struct context *c, const struct node *input)
{
    const char *column = value_get_text(input->config, "event_time", NULL);
    if (!c->batch_start || !column) return NULL;
    return arena_printf(c->arena, "%s >= '%s' and %s < '%s'", column, c->batch_start, column, c->batch_end);
}

const char *batch_path(struct dbt *d, const char *path, const char *label)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const char *base = slash ? slash + 1 : path;
    int stem = dot && dot > base ? (int)(dot - base) : (int)strlen(base);
    return arena_printf(&d->arena, "%.*s%.*s/%.*s_%s%s", (int)(base - path), path, stem, base, stem, base, label,
                        dot && dot > base ? dot : "");
}

static void set_batch(struct workbench *w, struct dbt *d, struct node *n, int64_t from, int64_t to, enum size size,
                      bool incremental)
{
    struct jinja_value id;
    context_move(&w->c, PHASE_EXECUTE, n->package, n);
    pthread_mutex_lock(&d->lock);
    w->c.batch_start = time_text(d, from);
    w->c.batch_end = time_text(d, to);
    w->c.batch_label = label_of(d, from, size);
    pthread_mutex_unlock(&d->lock);
    char plain[32];
    size_t k = 0;
    for (const char *p = w->c.batch_label; *p && k + 1 < sizeof plain; p++)
        if (*p != '-') plain[k++] = *p;
    plain[k] = 0;
    id = jinja_text(w->env, plain);
    w->c.batch = jinja_dict(w->env);
    jinja_dict_set(w->env, w->c.batch, "id", id);
    jinja_dict_set(w->env, w->c.batch, "event_time_start", jinja_text(w->env, w->c.batch_start));
    jinja_dict_set(w->env, w->c.batch, "event_time_end", jinja_text(w->env, w->c.batch_end));
    if (!incremental) return;
    w->c.overrides = jinja_dict(w->env);
    jinja_dict_set(w->env, w->c.overrides, "is_incremental", jinja_bool(true));
    jinja_dict_set(w->env, w->c.overrides, "should_full_refresh", jinja_bool(false));
}

static enum err run_batch(struct run *run, struct node *n, struct result *r, int64_t from, int64_t to, enum size size,
                          bool incremental, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct workbench w;
    workbench_open(d, &w, PHASE_EXECUTE, n);
    set_batch(&w, d, n, from, to, size, incremental);
    pthread_mutex_lock(&d->lock);
    n->ctes = NULL;
    n->cte_count = n->cte_cap = 0;
    pthread_mutex_unlock(&d->lock);
    TRY(node_compile(&w.c, n, e));
    TRY(node_write_compiled(d, n, e));
    pthread_mutex_lock(&d->lock);
    const char *path = batch_path(d, node_write_path(d, n, "compiled"), w.c.batch_label);
    const char *full = path[0] == '/' ? path : arena_printf(&d->arena, "%s/%s", d->root, path);
    pthread_mutex_unlock(&d->lock);
    TRY(write_text(d, full, n->compiled, strlen(n->compiled), e));
    set_batch(&w, d, n, from, to, size, incremental);
    TRY(node_materialize(&w.c, n, r, e));
done:
    if (rc != ERR_OK) result_error(d, r, e, jinja_env_trace(w.env));
    workbench_close(&w);
    return rc;
}

static struct jinja_value pair(struct dbt *d, int64_t from, int64_t to)
{
    struct jinja_value v[2] = {jinja_text(d->env, time_text(d, from)), jinja_text(d->env, time_text(d, to))};
    struct jinja_value list = jinja_list(d->env);
    jinja_list_add(d->env, list, v[0]);
    jinja_list_add(d->env, list, v[1]);
    return list;
}

enum err node_run_batches(struct run *run, struct node *n, struct result *r, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct batches b = {0};
    size_t total = 0, index = 0, failed = 0;
    struct result last = {.n = n};
    TRY(plan(run, n, &b, e));
    for (int64_t at = b.from; at < b.to || !total; at = offset(at, b.size, 1)) total++;
    pthread_mutex_lock(&d->lock);
    struct jinja_value ok = jinja_list(d->env), bad_ones = jinja_list(d->env);
    pthread_mutex_unlock(&d->lock);
    bool incremental = b.exists, give_up = false;
    for (int64_t at = b.from; index < total; at = offset(at, b.size, 1)) {
        int64_t to = ++index == total ? b.to : offset(at, b.size, 1);
        struct error one = {0};
        uint64_t started = clock_mono_ns();
        pthread_mutex_lock(&d->lock);
        const char *label = label_of(d, at, b.size);
        pthread_mutex_unlock(&d->lock);
        enum err code = give_up ? ERR_STOPPED : ERR_OK;
        if (!give_up) {
            say(d, SAY_INFO, "LogStartBatch", "Q045", "Batch %zu of %zu START batch %s of %s.%s", index, total, label,
                n->schema, n->alias);
            code = run_batch(run, n, &last, at, to, b.size, incremental, &one);
        }
        say(d, SAY_INFO, "LogBatchResult", "Q044", "Batch %zu of %zu %s batch %s of %s.%s [%s in %.2fs]", index, total,
            code == ERR_OK ? "OK created"
            : give_up      ? "SKIP"
                           : "ERROR creating",
            label, n->schema, n->alias,
            code == ERR_OK ? last.message
            : give_up      ? "SKIP"
                           : "ERROR",
            (double)(clock_mono_ns() - started) / 1e9);
        pthread_mutex_lock(&d->lock);
        jinja_list_add(d->env, code == ERR_OK ? ok : bad_ones, pair(d, at, to));
        pthread_mutex_unlock(&d->lock);
        if (code == ERR_OK)
            incremental = true;
        else {
            failed++;
            say_error(d, &one, last.error_trace);
            if (index == 1 && !incremental) give_up = true; /* without the table no other batch can go on */
        }
    }
    pthread_mutex_lock(&d->lock);
    r->batches = jinja_dict(d->env);
    jinja_dict_set(d->env, r->batches, "successful", ok);
    jinja_dict_set(d->env, r->batches, "failed", bad_ones);
    r->message = failed && failed < total ? arena_printf(&d->arena, "PARTIAL SUCCESS (%zu/%zu)", total - failed, total)
                 : failed                 ? "ERROR"
                                          : "SUCCESS";
    pthread_mutex_unlock(&d->lock);
    r->status = !failed ? MODEL_SUCCESS : failed < total ? MODEL_PARTIAL : MODEL_ERROR;
    r->rows_affected = -1;
    r->failures = 0;
done:
    return rc;
}
