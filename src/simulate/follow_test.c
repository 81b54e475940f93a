/* Live runs: stopped, broken off and resumed, they write what one run at full speed writes. */
#include "simulate/run_test.h"

#include "base/clock.h"
#include "base/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/lakefm-follow-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    struct error e;
    return io_remove_tree(folder, &e) ? -1 : 0;
}

/* Stands before a folder's sink; after so many writes it stops the run, or breaks. */
struct tap {
    struct simulate_sink to;
    int left;
    bool breaks;
    volatile sig_atomic_t *stop;
};

static enum err tap_encode(void *ctx, const struct simulate_batch *b, struct buf *out, struct error *e)
{
    struct tap *t = ctx;
    return t->to.encode(t->to.ctx, b, out, e);
}

static enum err tap_write(void *ctx, const struct simulate_batch *b, const struct buf *encoded, struct error *e)
{
    struct tap *t = ctx;
    if (t->left-- <= 0) {
        *t->stop = 1;
        if (t->breaks) return err_set(e, ERR_IO, "broken off");
    }
    return t->to.write(t->to.ctx, b, encoded, e);
}

static enum err tap_sync(void *ctx, struct simulate_position *p, struct error *e)
{
    struct tap *t = ctx;
    return t->to.sync(t->to.ctx, p, e);
}

static enum err tap_rewind(void *ctx, const struct simulate_position *p, struct error *e)
{
    struct tap *t = ctx;
    return t->to.rewind(t->to.ctx, p, e);
}

static void set_up(struct simulate_options *o)
{
    simulate_options_init(o);
    o->config_path = GOLDEN "sample-config.json";
    o->has_seed = o->has_users = o->has_growth = true;
    o->seed = 5, o->users = 60, o->growth = 2;
    o->threads = 2;
    set_span(o, "2025-11-01T00:00:00.5", "2025-11-09");
}

/* One life of a run; `writes` until it ends, in one way or the other. */
static enum err live(struct simulate_options o, const char *dir, const char *state_path, int writes, bool breaks,
                     enum simulate_compress compress, struct error *e)
{
    struct simulate *s = NULL;
    volatile sig_atomic_t stop = 0;
    struct simulate_progress progress = {.stop = &stop};
    struct simulate_follow_options f = {.speed = 3e6, .state_path = state_path, .checkpoint_ms = 1, .poll_ms = 1};
    struct tap tap = {.left = writes, .breaks = breaks, .stop = &stop};
    bool found = false;
    enum err rc = simulate_state_peek(state_path, &o, &found, e);
    if (!rc) rc = simulate_open(&o, &s, e);
    if (!rc) rc = simulate_sink_dir(dir, o.dialect, compress, found, &tap.to, e);
    struct simulate_sink sink = {.ctx = &tap, .encode = tap.to.encode ? tap_encode : NULL, .write = tap_write,
                                 .sync = tap_sync, .rewind = tap_rewind};
    if (!rc) rc = simulate_follow(s, &sink, &progress, &f, e);
    (void)!simulate_sink_close(&tap.to, NULL);
    simulate_free(&s);
    return rc;
}

static void read_whole(const char *dir, const char *file, struct buf *out)
{
    struct error e;
    char *path = io_path(dir, file);
    assert_ok(io_read_file(path, out, &e), &e);
    mem_free(path);
}

static void check_lives(enum simulate_mode mode, double dirty, const char *name)
{
    struct simulate_options o;
    struct error e = {0};
    struct kept whole;
    char dir[128], state_path[160];
    set_up(&o);
    o.mode = mode, o.dirty = dirty;
    kept_init(&whole, true);
    run_kept(&o, &whole);
    snprintf(dir, sizeof dir, "%s/%s", folder, name);
    snprintf(state_path, sizeof state_path, "%s.state", dir);
    int lives = 0;
    enum err rc;
    do { /* every other life breaks off without a last checkpoint */
        rc = live(o, dir, state_path, 3 + 5 * lives, lives % 2, SIMULATE_PLAIN, &e);
        assert_true(rc == ERR_OK || rc == ERR_STOPPED || rc == ERR_IO);
    } while (rc && ++lives < 200);
    assert_int_equal(rc, ERR_OK);
    assert_true(lives >= 2);
    for (int t = 0; t <= SIMULATE_STATUS_CHANGE; t++) {
        struct buf got = {0};
        char file[64];
        snprintf(file, sizeof file, "%s.json", simulate_topic_name((enum simulate_topic)t));
        read_whole(dir, file, &got);
        assert_int_equal(got.len, whole.bytes[t].len);
        assert_memory_equal(got.ptr, whole.bytes[t].ptr, got.len);
        buf_reset(&got);
    }
    /* Once finished it stays so. */
    assert_ok(live(o, dir, state_path, 1000000, false, SIMULATE_PLAIN, &e), &e);
    kept_reset(&whole);
}

static void an_exact_run_goes_on(void **state)
{
    (void)state;
    check_lives(SIMULATE_EXACT, 0, "exact");
}

static void a_streams_run_goes_on(void **state)
{
    (void)state;
    check_lives(SIMULATE_STREAMS, 0, "streams");
}

static void a_dirty_run_goes_on(void **state)
{
    (void)state;
    check_lives(SIMULATE_EXACT, 0.1, "dirty");
}

static void other_parameters_are_refused(void **state)
{
    (void)state;
    struct simulate_options o;
    struct error e = {0};
    char dir[128], state_path[160];
    snprintf(dir, sizeof dir, "%s/other", folder);
    snprintf(state_path, sizeof state_path, "%s.state", dir);
    set_up(&o);
    assert_int_equal(live(o, dir, state_path, 2, false, SIMULATE_GZ, &e), ERR_STOPPED);
    o.seed++;
    assert_int_equal(live(o, dir, state_path, 2, false, SIMULATE_GZ, &e), ERR_USAGE);
    assert_non_null(strstr(e.what, "other parameters"));
    o.seed--;
    o.from.second++;
    assert_int_equal(live(o, dir, state_path, 2, false, SIMULATE_GZ, &e), ERR_USAGE);
    assert_non_null(strstr(e.what, "another span"));
    o.has_from = false; /* the state knows */
    assert_ok(live(o, dir, state_path, 1000000, false, SIMULATE_GZ, &e), &e);
}

static void a_file_shorter_than_recorded_is_refused(void **state)
{
    (void)state;
    struct simulate_options o;
    struct error e = {0};
    char dir[128], state_path[160], file[200];
    snprintf(dir, sizeof dir, "%s/short", folder);
    snprintf(state_path, sizeof state_path, "%s.state", dir);
    snprintf(file, sizeof file, "%s/listen_events.json", dir);
    set_up(&o);
    assert_int_equal(live(o, dir, state_path, 20, false, SIMULATE_PLAIN, &e), ERR_STOPPED);
    assert_int_equal(truncate(file, 100), 0);
    assert_int_equal(live(o, dir, state_path, 20, false, SIMULATE_PLAIN, &e), ERR_CORRUPT);
    assert_ok(io_write_file(state_path, "{}", 2, false, &e), &e);
    assert_int_equal(live(o, dir, state_path, 20, false, SIMULATE_PLAIN, &e), ERR_CORRUPT);
}

/* No line is written before the simulated clock has reached its time. */
struct watch {
    int64_t wall_ms, from_ms;
    double speed;
    int left;
    volatile sig_atomic_t stop;
};

static enum err watch_write(void *ctx, const struct simulate_batch *b, const struct buf *encoded, struct error *e)
{
    struct watch *w = ctx;
    (void)encoded, (void)e;
    double now_ms = (double)w->from_ms + (double)(clock_now_ms() + 1 - w->wall_ms) * w->speed;
    for (uint64_t i = 0; i < b->lines; i++) assert_true((double)b->ts_ms[i] <= now_ms);
    if (!w->left--) w->stop = 1;
    return ERR_OK;
}

static void events_wait_for_their_time(void **state)
{
    (void)state;
    struct simulate_options o;
    struct error e = {0};
    struct simulate *s = NULL;
    struct watch watch = {.speed = 20000, .left = 20};
    struct simulate_progress progress = {.stop = &watch.stop};
    struct simulate_follow_options f = {.speed = watch.speed, .poll_ms = 1};
    struct simulate_sink sink = {.ctx = &watch, .want_lines = true, .write = watch_write};
    set_up(&o);
    o.has_to = false, o.live = true;
    assert_ok(simulate_open(&o, &s, &e), &e);
    watch.from_ms = simulate_time_ms(o.from);
    watch.wall_ms = clock_now_ms();
    assert_int_equal(simulate_follow(s, &sink, &progress, &f, &e), ERR_STOPPED);
    assert_true(simulate_stats(s)->events > 5);
    simulate_free(&s);
}

static void a_state_needs_a_sink_that_can_go_back(void **state)
{
    (void)state;
    struct simulate_options o;
    struct error e = {0};
    struct simulate *s = NULL;
    struct simulate_sink sink;
    struct simulate_follow_options f = {.speed = 1, .state_path = "/nonexistent/state"};
    simulate_sink_null(&sink);
    set_up(&o);
    assert_ok(simulate_open(&o, &s, &e), &e);
    assert_int_equal(simulate_follow(s, &sink, NULL, &f, &e), ERR_USAGE);
    simulate_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_run_goes_on),
        cmocka_unit_test(a_streams_run_goes_on),
        cmocka_unit_test(a_dirty_run_goes_on),
        cmocka_unit_test(other_parameters_are_refused),
        cmocka_unit_test(a_file_shorter_than_recorded_is_refused),
        cmocka_unit_test(events_wait_for_their_time),
        cmocka_unit_test(a_state_needs_a_sink_that_can_go_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
