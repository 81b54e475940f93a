/* A thread beside a running statement: time limit, stop flag, progress. */
#include "sql/internal.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

enum { TICK_MS = 50, PROGRESS_MS = 100 };

void sql_conn_watch(struct sql_conn *conn, const struct sql_watch *watch)
{
    conn->watch = *watch;
    if (!watch->on_progress || conn->progress_set) return;
    /* DuckDB keeps count of progress only when asked to show it. A locked database refuses: then it is unknown. */
    duckdb_result ignored;
    duckdb_query(conn->conn, "SET enable_progress_bar = true", &ignored);
    duckdb_destroy_result(&ignored);
    duckdb_query(conn->conn, "SET enable_progress_bar_print = false", &ignored);
    duckdb_destroy_result(&ignored);
    duckdb_query(conn->conn, "SET progress_bar_time = 0", &ignored);
    duckdb_destroy_result(&ignored);
    conn->progress_set = true;
}

static void wait_until_over(struct sql_watcher *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
    pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static void *watch_main(void *arg)
{
    struct sql_conn *conn = arg;
    struct sql_watcher *w = &conn->watcher;
    uint64_t shown_ns = clock_mono_ns();
    pthread_mutex_lock(&w->lock);
    while (!w->over) {
        wait_until_over(w);
        if (w->over) break;
        uint64_t now = clock_mono_ns();
        if (conn->watch.stop && *conn->watch.stop) w->fired = ERR_STOPPED;
        if (w->deadline_ns && now >= w->deadline_ns && w->fired == ERR_OK) w->fired = ERR_RETRY;
        /* Again at every tick: an interrupt that comes before DuckDB has begun is forgotten by it. */
        if (w->fired != ERR_OK) duckdb_interrupt(conn->conn);
        if (conn->watch.on_progress && now - shown_ns >= PROGRESS_MS * 1000000ULL) {
            shown_ns = now;
            conn->watch.on_progress(conn->watch.ctx, sql_progress(conn));
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum err sql_watch_begin(struct sql_conn *conn, struct error *e)
{
    struct sql_watcher *w = &conn->watcher;
    const struct sql_watch *watch = &conn->watch;
    if (w->running || (!watch->timeout_ms && !watch->stop && !watch->on_progress)) return ERR_OK;
    if (watch->stop && *watch->stop) return err_set(e, ERR_STOPPED, "interrupted");
    memset(w, 0, sizeof *w);
    if (watch->timeout_ms) w->deadline_ns = clock_mono_ns() + watch->timeout_ms * 1000000ULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    int sys = pthread_create(&w->thread, NULL, watch_main, conn);
    if (sys) return err_sys(e, sys, "cannot start a thread");
    w->running = true;
    return ERR_OK;
}

enum err sql_watch_end(struct sql_conn *conn)
{
    struct sql_watcher *w = &conn->watcher;
    if (!w->running) return ERR_OK;
    pthread_mutex_lock(&w->lock);
    w->over = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    w->running = false;
    return w->fired;
}
