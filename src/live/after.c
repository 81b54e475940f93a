#include "live/after.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

enum { CARE_MS = 5000, AGAIN_MS = 5000, SHARED_LOOK_MS = 500 };
#define IDLE_CARE_NS 3600000000000u /* retention, when nothing comes in */

struct live_after {
    struct lake *lake;
    const struct live_options *options;
    pthread_mutex_t lock, files; /* files: gold reads silver's files, or care merges them */
    pthread_cond_t changed;
    uint64_t committed, built;   /* silver's last change that is known, and the one gold holds */
    uint64_t cared, cared_ns;    /* the commit it was done after, and when */
    int64_t newest_ms;
    bool leaving, has_builder, has_carer;
    pthread_t builder, carer;
};

static uint64_t silver_changed(struct lake *lake)
{
    struct lake_tables tables;
    uint64_t changed = 0;
    lake_tables(lake, &tables);
    for (size_t i = 0; i < tables.count; i++)
        if (tables.table[i].layer == LAKE_SILVER && tables.table[i].changed > changed) changed = tables.table[i].changed;
    lake_tables_free(&tables);
    return changed;
}

/* One process at a time: a lock on a file of state/. -1: another holds it. Lakes without state/ have one writer. */
static int take_turn(struct live_after *a, const char *name)
{
    char *path = lake_state_path(a->lake, name);
    int fd = path ? open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644) : -1;
    mem_free(path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* With the lock held. False: leaving. */
static bool sleep_ms(struct live_after *a, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    if (!a->leaving) pthread_cond_timedwait(&a->changed, &a->lock, &until);
    return !a->leaving;
}

static bool shared(const struct live_after *a) { return lake_mode_of(a->lake) == LAKE_SHARED_WRITER; }

/* Commits of other processes become known. */
static void look(struct live_after *a)
{
    struct error e;
    char text[1024];
    enum err rc = lake_reload(a->lake, &e);
    if (rc != ERR_OK && rc != ERR_RETRY) log_warn("cannot look at the log: %s", err_format(&e, text, sizeof text));
    uint64_t changed = silver_changed(a->lake);
    pthread_mutex_lock(&a->lock);
    if (changed > a->committed) a->committed = changed;
    pthread_mutex_unlock(&a->lock);
}

static enum err build_once(struct live_after *a, struct error *e)
{
    int turn = -1;
    if (shared(a) && (turn = take_turn(a, "gold.lock")) < 0) return ERR_MORE; /* another process builds */
    if (shared(a)) look(a);
    pthread_mutex_lock(&a->files);
    enum err rc = a->options->build(a->options->ctx, e);
    pthread_mutex_unlock(&a->files);
    if (turn >= 0) close(turn);
    return rc;
}

static void *build(void *arg)
{
    struct live_after *a = arg;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        bool more = true;
        while (a->built == a->committed && more) {
            more = sleep_ms(a, shared(a) ? SHARED_LOOK_MS : 60000);
            pthread_mutex_unlock(&a->lock);
            if (shared(a)) look(a);
            pthread_mutex_lock(&a->lock);
        }
        if (a->built == a->committed) break;
        struct live_built told = {.number = a->committed, .newest_ms = a->newest_ms};
        pthread_mutex_unlock(&a->lock);
        struct error e;
        char text[1024];
        uint64_t started = clock_mono_ns();
        enum err rc = build_once(a, &e);
        told.took_ns = clock_mono_ns() - started;
        if (rc == ERR_OK && a->options->built) a->options->built(a->options->ctx, &told);
        if (rc != ERR_OK && rc != ERR_MORE && rc != ERR_STOPPED) log_error("gold was not built: %s", err_format(&e, text, sizeof text));
        pthread_mutex_lock(&a->lock);
        if (rc == ERR_OK) a->built = told.number;
        else if (a->leaving || !sleep_ms(a, rc == ERR_MORE ? SHARED_LOOK_MS : AGAIN_MS)) break;
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void care_once(struct live_after *a)
{
    struct error e;
    char text[1024];
    int turn = -1;
    if (shared(a) && (turn = take_turn(a, "care.lock")) < 0) return;
    enum err rc = live_care(a->lake, a->options, &a->files, &e);
    if (rc != ERR_OK && rc != ERR_STOPPED) log_warn("small files were not merged: %s", err_format(&e, text, sizeof text));
    if (turn >= 0) close(turn);
}

static void *care(void *arg)
{
    struct live_after *a = arg;
    int64_t every_ms = a->options->care_ms ? a->options->care_ms : CARE_MS;
    uint64_t next_ns = 0;
    pthread_mutex_lock(&a->lock);
    while (!a->leaving) {
        uint64_t now = clock_mono_ns();
        if (now < next_ns) {
            sleep_ms(a, (int64_t)((next_ns - now) / 1000000) + 1);
            continue;
        }
        next_ns = now + (uint64_t)every_ms * 1000000u;
        if (a->cared == a->committed && a->cared_ns && now - a->cared_ns < IDLE_CARE_NS) continue;
        a->cared = a->committed;
        a->cared_ns = now;
        pthread_mutex_unlock(&a->lock);
        care_once(a);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

enum err live_after_open(struct lake *lake, const struct live_options *options, struct live_after **out, struct error *e)
{
    enum err rc = ERR_OK;
    int code;
    pthread_condattr_t attr;
    struct live_after *a = mem_zalloc(sizeof *a);
    a->lake = lake;
    a->options = options;
    a->newest_ms = -1;
    a->committed = silver_changed(lake);
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->files, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (options->build && (code = pthread_create(&a->builder, NULL, build, a))) TRY(err_sys(e, code, "cannot start a thread"));
    a->has_builder = options->build != NULL;
    if (options->care_ms >= 0 && (code = pthread_create(&a->carer, NULL, care, a))) TRY(err_sys(e, code, "cannot start a thread"));
    a->has_carer = options->care_ms >= 0;
    *out = a;
done:
    if (rc != ERR_OK) live_after_close(&a);
    return rc;
}

void live_after_commit(struct live_after *a, uint64_t number, int64_t newest_ms)
{
    pthread_mutex_lock(&a->lock);
    if (number > a->committed) a->committed = number;
    if (newest_ms > a->newest_ms) a->newest_ms = newest_ms;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

void live_after_close(struct live_after **after)
{
    struct live_after *a = *after;
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->leaving = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (a->has_builder) pthread_join(a->builder, NULL);
    if (a->has_carer) pthread_join(a->carer, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->files);
    pthread_mutex_destroy(&a->lock);
    mem_free(a);
    *after = NULL;
}
