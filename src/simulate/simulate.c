#include "simulate/impl.h"

#include "base/clock.h"
#include "base/pages.h"
#include "base/str.h"

#include <stdio.h>
#include <unistd.h>

enum { LIVE_GROWTH_S = 2 * 366 * 86400 };

const char *simulate_topic_name(enum simulate_topic topic)
{
    static const char *const NAMES[SIMULATE_TOPICS] = {"listen_events", "page_view_events", "auth_events",
                                                       "status_change_events", "interana"};
    return NAMES[topic];
}

void simulate_options_init(struct simulate_options *o) { *o = (struct simulate_options){.users = 1, .first_user_id = 1}; }

void simulate_warn(const struct simulate *s, const char *fmt, ...)
{
    if (!s->options.warn) return;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    s->options.warn(s->options.warn_ctx, text);
}

enum err simulate_show_error(const struct simulate *s, uint16_t state, struct error *e)
{
    return err_set(e, ERR_INPUT, "the configuration's \"show-user-details\" does not name the auth \"%s\"",
                   s->config->names[s->config->states[state].auth]);
}

static int64_t whole_second_at_or_after(struct simulate_time t, int32_t nano) { return t.second + (t.nano > nano); }

/* The run's parameters from options and file, by the rules of simulate.h. */
static enum err settle(struct simulate *s, struct error *e)
{
    const struct simulate_options *o = &s->options;
    const struct config *c = s->config;
    const char *file = o->config_path ? o->config_path : CONFIG_BUILT_IN;
    int64_t now_ms = clock_now_ms();
    struct simulate_time now = {now_ms / 1000, (int32_t)(now_ms % 1000) * 1000000}, from = now, to = now;
    from.second -= o->live ? 0 : 15 * 86400;
    to.second -= 86400;
    s->from = o->has_from ? o->from : c->has_start ? c->start : from;
    s->to = o->has_to ? o->to : o->live ? (struct simulate_time){INT64_MAX, 0} : c->has_end ? c->end : to;
    s->seed = o->has_seed ? o->seed : c->seed;
    s->tag = o->tag ? o->tag : c->tag;
    int32_t users = c->has_users ? c->users : o->users, first = c->has_first_user_id ? c->first_user_id : o->first_user_id;
    if (c->has_users && o->has_users && c->users != o->users)
        simulate_warn(s, "%s: n-users %d wins over the %d asked for (as in eventsim)", file, c->users, o->users);
    if (c->has_first_user_id && o->has_first_user_id && c->first_user_id != o->first_user_id)
        simulate_warn(s, "%s: first-user-id %d wins over the %d asked for (as in eventsim)", file,
                      c->first_user_id, o->first_user_id);
    if (c->has_growth && o->has_growth && c->growth != o->growth)
        simulate_warn(s, "%s: new users arrive by growth-rate %g, the age of registrations follows the %g asked for (as in eventsim)",
                      file, c->growth, o->growth);
    if ((c->has_start && !o->has_from) || (c->has_end && !o->has_to && !o->live))
        simulate_warn(s, "%s: start-date and end-date are honoured here; eventsim ignores them", file);
    if (users < 0) return err_set(e, ERR_USAGE, "%d users", users);
    if (!(o->dirty >= 0 && o->dirty <= 1)) return err_set(e, ERR_USAGE, "the share of dirty lines must lie between 0 and 1");
    if (o->tag && !utf8_valid(o->tag, strlen(o->tag))) return err_set(e, ERR_USAGE, "the tag is no valid UTF-8");

    s->users_initial = (size_t)users;
    s->first_id = (int64_t)first + 1;
    s->ms = s->from.nano / 1000000;
    struct model *m = &s->model;
    m->config = c;
    m->catalog = s->catalog;
    m->from_s = s->from.second;
    m->until_s = whole_second_at_or_after(s->to, s->from.nano);
    m->arrival_growth = c->has_growth ? c->growth : o->has_growth ? o->growth : 0;
    m->registration_growth = o->has_growth ? o->growth : c->has_growth ? c->growth : 0;
    s->arrivals_until_s = s->to.second == INT64_MAX ? s->from.second + LIVE_GROWTH_S : m->until_s;
    calendar_init(&m->calendar, c->damping, c->weekend_damping, c->weekend_offset_min, c->weekend_scale_min, s->from.second,
                  s->from.nano);
    return ERR_OK;
}

/* eventsim: nUsers · rate · (end − start / year), the precedence being a slip. */
void simulate_set_attrition(struct simulate *s)
{
    double span = (double)s->to.second - (double)s->from.second / (86400 * 365.25);
    s->model.attrition = (double)s->users_count * s->options.attrition * span;
}

static int pick_threads(const struct simulate *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n = s->options.threads ? s->options.threads : cores > 0 ? (int)cores : 1;
    return n > 256 ? 256 : n;
}

enum err simulate_open(const struct simulate_options *o, struct simulate **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct simulate *s = mem_zalloc(sizeof *s);
    const char *paths[CATALOG_TABLES] = {[CATALOG_SONGS] = o->songs_path, [CATALOG_PLACES] = o->places_path};
    s->options = *o;
    TRY(config_load(o->config_path, o->warn, o->warn_ctx, &s->config, e));
    TRY(catalog_load(paths, &s->catalog, e));
    TRY(settle(s, e));
    s->threads = pick_threads(s);
    /* The exact walk is a thread of its own; the streams' coordinator does little. */
    s->workers = s->threads == 1 ? 0 : s->options.mode == SIMULATE_EXACT ? s->threads - 1 : s->threads;
    TRY(pool_new(s->workers, &s->pool, e));
    if (s->options.mode == SIMULATE_EXACT)
        TRY(exact_open(s, e));
    else
        TRY(streams_open(s, e));
    s->render = render_new(s->config, s->catalog, o->dialect, s->persons, s->first_id, s->ms, s->tag);
    s->base.users_initial = s->users_initial;
    s->base.users_final = s->users_count;
    s->base.from = s->from;
    s->base.to = s->to;
    s->base.user_bytes = sizeof *s->users + sizeof *s->persons + 16;
    s->stats = s->base;
    *out = s;
    s = NULL;
done:
    simulate_free(&s);
    return rc;
}

void simulate_free(struct simulate **sp)
{
    struct simulate *s = *sp;
    *sp = NULL;
    if (!s) return;
    pool_free(&s->pool);
    dirty_free(&s->dirty);
    exact_close(s);
    streams_close(s);
    render_free(&s->render);
    calendar_reset(&s->model.calendar);
    if (s->users_pages) pages_free(s->users, s->users_pages);
    else mem_free(s->users);
    if (s->persons_pages) pages_free(s->persons, s->persons_pages);
    else mem_free(s->persons);
    catalog_free(&s->catalog);
    config_free(&s->config);
    mem_free(s);
}

const struct simulate_stats *simulate_stats(const struct simulate *s) { return &s->stats; }

void simulate_count(struct simulate *s)
{
    s->stats = s->base;
    s->stats.sessions = s->sessions;
    pipe_count(s->pipe, s->ms, &s->stats);
    if (s->dirty) dirty_count(s->dirty, &s->stats);
}

enum err simulate_tick(struct simulate *s, int64_t now_s, struct error *e)
{
    enum { REPORT_NS = 100000000 };
    const struct simulate_progress *p = s->progress;
    if (!p) return ERR_OK;
    if (p->stop && *p->stop) return err_set(e, ERR_STOPPED, "stopped");
    uint64_t now = clock_mono_ns();
    if (!p->report || now - s->last_report_ns < REPORT_NS) return ERR_OK;
    s->last_report_ns = now;
    simulate_count(s);
    p->report(p->ctx, &s->stats, now_s * 1000 + s->ms);
    return ERR_OK;
}

enum err simulate_begin(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress,
                        const uint64_t skip_lines[SIMULATE_TOPICS], struct error *e)
{
    if (s->used) return err_set(e, ERR_INTERNAL, "a simulation runs only once");
    s->used = true;
    s->progress = progress;
    if (s->options.dirty > 0) {
        s->dirty = dirty_new(s->options.dirty, (uint64_t)s->seed, s->options.dialect, sink, skip_lines);
        dirty_sink(s->dirty, &s->dirty_in);
        sink = &s->dirty_in;
    }
    s->pipe = pipe_new(s->pool, s->workers, s->render, sink);
    return ERR_OK;
}

enum err simulate_end(struct simulate *s, enum err rc, bool release_held, struct error *e)
{
    enum err last = pipe_flush(s->pipe, rc ? NULL : e);
    if (!rc) rc = last;
    if (s->dirty && release_held && (!rc || rc == ERR_STOPPED)) {
        last = dirty_release(s->dirty, rc ? NULL : e);
        if (!rc) rc = last;
    }
    simulate_count(s);
    return rc;
}

enum err simulate_run(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress, struct error *e)
{
    enum err rc = simulate_begin(s, sink, progress, NULL, e);
    if (!rc) rc = simulate_advance(s, INT64_MAX, e);
    if (s->pipe) rc = simulate_end(s, rc, true, e);
    pipe_free(&s->pipe);
    return rc;
}

enum err simulate_sink_close(struct simulate_sink *sink, struct error *e)
{
    enum err rc = sink->close ? sink->close(sink->ctx, e) : ERR_OK;
    *sink = (struct simulate_sink){0};
    return rc;
}
