#include "simulate/impl.h"

#include "base/clock.h"
#include "base/io.h"
#include "simulate/state.h"

#include <math.h>
#include <time.h>

struct follow {
    struct simulate *s;
    struct simulate_sink *sink;
    const struct simulate_follow_options *options;
    struct state state;
    uint64_t checkpoint_ns; /* when the last one was made */
    int64_t reached_s;      /* all events up to this second are written */
};

static bool same_time(struct simulate_time a, struct simulate_time b) { return a.second == b.second && a.nano == b.nano; }

enum err simulate_state_peek(const char *path, struct simulate_options *o, bool *found, struct error *e)
{
    struct state st;
    *found = false;
    if (!io_exists(path)) return ERR_OK;
    enum err rc = state_load(path, &st, e);
    if (rc) return rc;
    *found = true;
    if ((o->has_from && !same_time(o->from, st.from)) || (o->has_to && !same_time(o->to, st.to))) {
        err_set(e, ERR_USAGE, "%s belongs to a simulation of another span", path);
        return err_hint(e, "give the same one or none, or remove the file to start anew");
    }
    o->live = true;
    o->has_from = true;
    o->from = st.from;
    o->has_to = st.to.second != INT64_MAX;
    if (o->has_to) o->to = st.to;
    return ERR_OK;
}

/* A hash of all that shapes the events. */
static void name_parameters(const struct simulate *s, char out[HASH_HEX_SIZE])
{
    const struct simulate_options *o = &s->options;
    struct buf b = {0};
    char hex[HASH_HEX_SIZE];
    buf_str(&b, hash_hex(s->config->hash, hex));
    for (int t = 0; t < CATALOG_TABLES; t++) buf_str(&b, hash_hex(s->catalog->hash[t], hex));
    buf_printf(&b, "|%d|%d|%lld|%zu|%a|%a|%a|%lld|%lld|%d|%lld|%d|%a|", (int)o->mode, (int)o->dialect, (long long)s->seed,
               s->users_initial, s->model.arrival_growth, s->model.registration_growth, o->attrition, (long long)s->first_id,
               (long long)s->from.second, s->from.nano, (long long)s->to.second, s->to.nano, o->dirty);
    if (s->tag) buf_str(&b, s->tag);
    hash_hex(hash_128(b.ptr, b.len), out);
    buf_reset(&b);
}

static int64_t simulated_now_ms(const struct state *st)
{
    double passed = (double)(clock_now_ms() - st->wall_ms) * st->speed;
    return st->simulated_ms + (int64_t)floor(passed);
}

static enum err checkpoint(struct follow *f, struct error *e)
{
    enum err rc = ERR_OK;
    if (!f->options->state_path) return ERR_OK;
    TRY(pipe_flush(f->s->pipe, e));
    TRY(f->sink->sync(f->sink->ctx, &f->state.position, e));
    simulate_count(f->s);
    f->state.events = f->s->stats.events;
    (void)fault_at("simulate_synced");
    TRY(state_save(f->options->state_path, &f->state, e));
    (void)fault_at("simulate_checkpoint");
    f->checkpoint_ns = clock_mono_ns();
done:
    return rc;
}

/* The state that is there, or a new one; sets up what is to be skipped. */
static enum err start(struct follow *f, struct error *e)
{
    struct simulate *s = f->s;
    const char *path = f->options->state_path;
    char parameters[HASH_HEX_SIZE];
    name_parameters(s, parameters);
    f->state.from = s->from;
    f->state.to = s->to;
    f->state.wall_ms = clock_now_ms();
    f->state.simulated_ms = f->options->wall_clock ? f->state.wall_ms : simulate_time_ms(s->from);
    f->state.speed = f->options->speed;
    if (path && (!f->sink->sync || !f->sink->rewind)) return err_set(e, ERR_USAGE, "this output cannot be resumed from a state");
    if (path && io_exists(path)) {
        enum err rc = state_load(path, &f->state, e);
        if (rc) return rc;
        if (memcmp(f->state.parameters, parameters, HASH_HEX_SIZE) != 0) {
            err_set(e, ERR_USAGE, "%s belongs to a simulation with other parameters", path);
            return err_hint(e, "give the same ones, or remove it to start anew");
        }
        if (f->state.speed != f->options->speed) {
            f->state.simulated_ms = simulated_now_ms(&f->state);
            f->state.wall_ms = clock_now_ms();
            f->state.speed = f->options->speed;
        }
        rc = f->sink->rewind(f->sink->ctx, &f->state.position, e);
        if (rc) return rc;
        if (s->options.dirty == 0) { /* with flaws all is made again, and the lines that are there are left out */
            s->skip_events = s->base.events = f->state.events;
            for (int t = 0; t < SIMULATE_TOPICS; t++) s->base.lines[t] = f->state.position.lines[t];
        }
    }
    memcpy(f->state.parameters, parameters, HASH_HEX_SIZE);
    return ERR_OK;
}

static bool asked_to_stop(const struct simulate *s) { return s->progress && s->progress->stop && *s->progress->stop; }

static enum err live(struct follow *f, struct error *e)
{
    enum { CHUNK_S = 3600 };
    struct simulate *s = f->s;
    const struct simulate_follow_options *o = f->options;
    uint64_t every_ns = (uint64_t)(o->checkpoint_ms ? o->checkpoint_ms : 1000) * 1000000;
    int64_t poll_ms = o->poll_ms ? o->poll_ms : 100;
    enum err rc = checkpoint(f, e);
    while (!rc && !s->finished) {
        if (asked_to_stop(s)) return err_set(e, ERR_STOPPED, "stopped");
        int64_t now_ms = simulated_now_ms(&f->state) - s->ms;
        int64_t now_s = now_ms >= 0 ? now_ms / 1000 : -((999 - now_ms) / 1000);
        bool behind = now_s > f->reached_s + CHUNK_S;
        if (behind) now_s = f->reached_s + CHUNK_S;
        if (now_s > f->reached_s) {
            TRY(simulate_advance(s, now_s, e));
            TRY(pipe_flush(s->pipe, e));
            f->reached_s = now_s;
            TRY(simulate_tick(s, now_s, e));
        }
        if (clock_mono_ns() - f->checkpoint_ns >= every_ns) TRY(checkpoint(f, e));
        if (behind || s->finished) continue;
        struct timespec nap = {poll_ms / 1000, poll_ms % 1000 * 1000000};
        nanosleep(&nap, NULL);
    }
done:
    return rc;
}

enum err simulate_follow(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress,
                         const struct simulate_follow_options *options, struct error *e)
{
    struct follow f = {.s = s, .sink = sink, .options = options, .reached_s = s->from.second};
    if (!(options->speed > 0)) return err_set(e, ERR_USAGE, "the speed must be more than 0");
    enum err rc = start(&f, e);
    if (!rc) rc = simulate_begin(s, sink, progress, f.state.position.lines, e);
    if (!rc) rc = live(&f, e);
    if (!s->pipe) return rc;
    /* Lines that are held back wait for the next run, if there can be one. */
    rc = simulate_end(s, rc, s->finished || !options->state_path, e);
    if (!rc || rc == ERR_STOPPED) {
        enum err last = checkpoint(&f, rc ? NULL : e);
        if (last) rc = last;
    }
    pipe_free(&s->pipe);
    return rc;
}
