#include "serve/internal.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { CACHE_BYTES = 32 << 20 };

static void route(void *ctx, const struct http_request *r, struct http_answer *a)
{
    struct serve *s = ctx;
    bool docs = str_starts(r->path, "/lineage") || str_starts(r->path, "/api/v1/docs/");
    struct lake *lake = docs && !s->options.docs_folder ? data_lake(s->data) : NULL;
    char *target = lake ? lake_state_path(lake, "target") : NULL;
    if (!serve_docs(target ? target : s->options.docs_folder, r, a) && !serve_api(s, r, a)) serve_page(s, r, a);
    mem_free(target);
}

/* Boards on disk may have been edited. */
static void look_at_boards(struct serve *s)
{
    struct hash128 now = board_set_print(s->options.dashboards);
    if (s->boards && hash_eq(now, s->boards_print)) return;
    struct board_set *fresh = board_set_load(s->options.dashboards);
    pthread_rwlock_wrlock(&s->boards_lock);
    struct board_set *old = s->boards;
    s->boards = fresh;
    s->boards_print = now;
    pthread_rwlock_unlock(&s->boards_lock);
    if (old) hub_say(s->hub, "boards", "{}");
    board_set_free(&old);
}

static void say_commit(struct serve *s, uint64_t before)
{
    struct buf data = {0};
    struct lake_tables tables = {0};
    struct lake_head head = {0};
    struct lake *lake = data_lake(s->data);
    bool first = true;
    lake_head(lake, &head);
    lake_tables(lake, &tables);
    buf_printf(&data, "{\"version\":%llu,\"time_ms\":%lld,\"tables\":[", (unsigned long long)head.number, (long long)head.time_ms);
    for (size_t i = 0; i < tables.count; i++) {
        if (tables.table[i].changed <= before || (tables.table[i].layer != LAKE_SILVER && tables.table[i].layer != LAKE_GOLD)) continue;
        buf_str(&data, first ? "" : ",");
        buf_json(&data, tables.table[i].table, strlen(tables.table[i].table));
        first = false;
    }
    buf_str(&data, "]}");
    hub_say(s->hub, "commit", data.ptr);
    lake_tables_free(&tables);
    buf_reset(&data);
}

static void *watch(void *arg)
{
    struct serve *s = arg;
    int64_t poll_ms = s->options.poll_ms ? s->options.poll_ms : 500;
    bool complained = false;
    pthread_mutex_lock(&s->wake_lock);
    while (!s->leaving) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += poll_ms / 1000;
        until.tv_nsec += poll_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        while (!s->leaving && !s->wake_now && pthread_cond_timedwait(&s->wake, &s->wake_lock, &until) != ETIMEDOUT) {}
        s->wake_now = false;
        if (s->leaving) break;
        pthread_mutex_unlock(&s->wake_lock);
        struct error e;
        char text[1024];
        bool changed;
        uint64_t before = data_version(s->data);
        enum err rc = data_refresh(s->data, &changed, &e);
        if (rc == ERR_OK && changed) say_commit(s, before);
        if (rc != ERR_OK && rc != ERR_NOT_FOUND && !complained) log_warn("page: %s", err_format(&e, text, sizeof text));
        complained = rc != ERR_OK;
        look_at_boards(s);
        pthread_mutex_lock(&s->wake_lock);
    }
    pthread_mutex_unlock(&s->wake_lock);
    return NULL;
}

enum err serve_open(const struct serve_options *options, struct serve **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct serve *s = mem_zalloc(sizeof *s);
    pthread_condattr_t attr;
    s->options = *options;
    pthread_rwlock_init(&s->boards_lock, NULL);
    pthread_mutex_init(&s->wake_lock, NULL);
    pthread_mutex_init(&s->audit_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->status_lock, NULL);
    s->hub = hub_new();
    s->cache = cache_new(CACHE_BYTES);
    struct data_options data = {options->lake_url, options->contracts, options->memory_bytes};
    TRY(data_open(&data, &s->data, e));
    look_at_boards(s);
    struct http_options http = {.bind = options->bind ? options->bind : "127.0.0.1",
                                .port = options->port,
                                .token = options->token,
                                .connections = options->connections ? options->connections : 256,
                                .route = route,
                                .ctx = s};
    TRY(http_open(&http, &s->http, e));
    int code = pthread_create(&s->watcher, NULL, watch, s);
    if (code) TRY(err_sys(e, code, "cannot start a thread"));
    s->watching = true;
    *out = s;
done:
    if (rc != ERR_OK) serve_close(&s);
    return rc;
}

uint16_t serve_port(const struct serve *s) { return http_port(s->http); }

void serve_wake(struct serve *s)
{
    pthread_mutex_lock(&s->wake_lock);
    s->wake_now = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->wake_lock);
}

void serve_close(struct serve **serve)
{
    struct serve *s = *serve;
    if (!s) return;
    pthread_mutex_lock(&s->wake_lock);
    s->leaving = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->wake_lock);
    if (s->watching) pthread_join(s->watcher, NULL);
    hub_close(s->hub); /* streams end, so that their threads do */
    http_close(&s->http);
    data_close(&s->data);
    board_set_free(&s->boards);
    hub_free(&s->hub);
    cache_free(&s->cache);
    buf_reset(&s->status);
    mem_free(s->audit_json);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->wake_lock);
    pthread_mutex_destroy(&s->audit_lock);
    pthread_mutex_destroy(&s->status_lock);
    pthread_rwlock_destroy(&s->boards_lock);
    mem_free(s);
    *serve = NULL;
}
