/* Sources without Kafka: a folder whose files grow, and the simulator. Bronze and silver are two commits here, as `ingest` and
 * `refine` make them; killed in between, the next start refines what waits. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "ingest/ingest.h"
#include "live/after.h"
#include "live/into.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { POLL_MS = 50, AGAIN_MS = 5000 };

struct follow {
    struct lake *lake;
    const struct live_options *options;
    struct refine *refine;
    struct live_after *after;
    struct simulate_sink sink; /* the simulator's way into the lake */
    enum err rc;               /* of what the simulator's report did */
    struct error error;
    uint64_t ticked_ns;
};

static bool stopping(const struct follow *f)
{
    return *f->options->kafka.stop || (f->options->reload && *f->options->reload);
}

static void tick(struct follow *f)
{
    uint64_t now = clock_mono_ns();
    if (!f->options->tick || now - f->ticked_ns < 500000000u) return;
    f->ticked_ns = now;
    f->options->tick(f->options->ctx);
}

static void wait_ms(struct follow *f, int64_t ms)
{
    for (; ms > 0 && !stopping(f); ms -= POLL_MS) {
        struct timespec t = {0, POLL_MS * 1000000};
        nanosleep(&t, NULL);
        tick(f);
    }
}

/* Silver from what waits in bronze. Records have no time of their own here: they arrived now. */
static enum err refine_now(struct follow *f, uint64_t started_ns, struct error *e)
{
    struct lake_head before, after;
    struct refine_totals totals = {0};
    lake_head(f->lake, &before);
    if (!before.pending_batches) return ERR_OK;
    enum err rc = refine_pending(f->refine, &totals, e);
    char text[1024];
    if (rc == ERR_REJECTED_TOO_MANY) log_warn("%s", err_format(e, text, sizeof text));
    else if (rc != ERR_OK) return rc;
    int64_t now = clock_now_ms();
    lake_head(f->lake, &after);
    if (f->options->committed) {
        struct live_commit told = {after.number, totals, totals.bytes, -1, now, clock_mono_ns() - started_ns};
        f->options->committed(f->options->ctx, &told);
    }
    live_after_commit(f->after, after.number, now);
    return ERR_OK;
}

static enum err open_follow(struct follow *f, struct error *e)
{
    enum err rc = refine_open(f->lake, &f->options->refine, &f->refine, e);
    return rc != ERR_OK ? rc : live_after_open(f->lake, f->options, &f->after, e);
}

static void close_follow(struct follow *f)
{
    live_after_close(&f->after);
    refine_close(&f->refine);
}

/* ---- a folder ---- */

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

/* Names, sizes and times of everything in it: equal prints, nothing new. */
static enum err folder_print(const char *folder, struct hash128 *out, struct error *e)
{
    char *paths[] = {(char *)(uintptr_t)folder, NULL};
    FTS *fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!fts) return err_sys(e, errno, "cannot read %s", folder);
    struct hasher *hasher = hasher_new();
    enum err rc = ERR_OK;
    for (FTSENT *f = fts_read(fts); f; f = fts_read(fts)) {
        if (f->fts_level == 0 && (f->fts_info == FTS_NS || f->fts_info == FTS_DNR)) {
            rc = err_sys(e, f->fts_errno, "cannot read %s", folder);
            break;
        }
        if (f->fts_info != FTS_F) continue;
        int64_t figures[] = {f->fts_statp->st_size, f->fts_statp->st_mtim.tv_sec, f->fts_statp->st_mtim.tv_nsec};
        hasher_add(hasher, f->fts_path, strlen(f->fts_path) + 1);
        hasher_add(hasher, figures, sizeof figures);
    }
    *out = hasher_sum(hasher);
    hasher_free(&hasher);
    fts_close(fts);
    return rc;
}

static enum err take_folder(struct follow *f, const char *folder, struct error *e)
{
    struct ingest_result result;
    struct ingest_options options = {.contracts = f->options->refine.contracts,
                                     .threads = f->options->refine.threads,
                                     .batch_bytes = f->options->batch_bytes,
                                     .whole_lines = true,
                                     .stop = f->options->kafka.stop};
    uint64_t started = clock_mono_ns();
    enum err rc = ingest_paths(f->lake, &folder, 1, &options, &result, e);
    ingest_result_reset(&result);
    if (rc == ERR_STOPPED) rc = ERR_OK;
    return rc != ERR_OK ? rc : refine_now(f, started, e);
}

/* What passes by itself, or concerns one file: said, and tried again. */
static bool may_pass(enum err rc)
{
    return rc == ERR_RETRY || rc == ERR_NO_SPACE || rc == ERR_INPUT || rc == ERR_NOT_FOUND || rc == ERR_USAGE;
}

enum err live_run_folder(struct lake *lake, const char *folder, const struct live_options *options, struct error *e)
{
    enum err rc = ERR_OK;
    struct follow f = {.lake = lake, .options = options};
    struct hash128 seen = {0}, now;
    bool any = false;
    TRY(folder_print(folder, &now, e)); /* a folder that is not there is a mistake, not a wait */
    TRY(open_follow(&f, e));
    while (!stopping(&f)) {
        int64_t pause = options->interval_ms ? options->interval_ms : 5000;
        rc = folder_print(folder, &now, e);
        if (rc == ERR_OK && !(any && hash_eq(now, seen))) {
            rc = take_folder(&f, folder, e);
            any = rc == ERR_OK;
            seen = now;
        }
        if (rc != ERR_OK) {
            char text[1024];
            if (!may_pass(rc)) goto done;
            log_warn("paused: %s; trying again in %.0f s", err_format(e, text, sizeof text), AGAIN_MS / 1000.0);
            pause = AGAIN_MS;
        }
        rc = ERR_OK;
        wait_ms(&f, pause);
    }
done:
    close_follow(&f);
    return rc;
}

/* ---- the simulator ---- */

static enum err simulated(void *ctx, uint64_t number, struct error *e)
{
    (void)number;
    return refine_now(ctx, clock_mono_ns(), e);
}

static void on_report(void *ctx, const struct simulate_stats *stats, int64_t now_ms)
{
    struct follow *f = ctx;
    (void)stats, (void)now_ms;
    tick(f);
    if (f->rc == ERR_OK) f->rc = live_into_flush(&f->sink, &f->error);
}

enum err live_run_simulator(struct lake *lake, const struct simulate_options *simulate, double speed,
                            const struct live_options *options, struct error *e)
{
    enum err rc = ERR_OK;
    struct simulate *s = NULL;
    struct follow f = {.lake = lake, .options = options};
    TRY(open_follow(&f, e));
    TRY(simulate_open(simulate, &s, e));
    struct live_into_options into = {.contracts = options->refine.contracts,
                                     .batch_bytes = options->batch_bytes,
                                     .interval_ms = options->interval_ms ? options->interval_ms : 5000,
                                     .committed = simulated,
                                     .ctx = &f};
    TRY(live_into_lake(lake, &into, &f.sink, e));
    struct simulate_progress progress = {.ctx = &f, .report = on_report, .stop = options->kafka.stop};
    struct simulate_follow_options follow = {.speed = speed};
    rc = simulate_follow(s, &f.sink, &progress, &follow, e);
    if (rc == ERR_STOPPED) rc = ERR_OK;
    if (rc == ERR_OK && f.rc != ERR_OK) {
        rc = f.rc;
        if (e) *e = f.error;
    }
    struct error last;
    enum err closed = simulate_sink_close(&f.sink, &last);
    if (rc == ERR_OK && closed != ERR_OK) {
        rc = closed;
        if (e) *e = last;
    }
done:
    simulate_free(&s);
    close_follow(&f);
    return rc;
}
