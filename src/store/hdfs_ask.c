#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/hdfs.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- connections ---- */

enum err hdfs_client_take(struct hdfs *h, struct web_client **out, struct error *e)
{
    pthread_mutex_lock(&h->pool);
    *out = h->idle_count ? h->idle[--h->idle_count] : NULL;
    pthread_mutex_unlock(&h->pool);
    return *out ? ERR_OK : web_open(&(struct web_options){.connect_ms = 5000, .silent_ms = 60000}, out, e);
}

void hdfs_client_give(struct hdfs *h, struct web_client *c)
{
    pthread_mutex_lock(&h->pool);
    if (h->idle_count < HDFS_IDLE_MOST) {
        h->idle[h->idle_count++] = c;
        c = NULL;
    }
    pthread_mutex_unlock(&h->pool);
    web_close(&c);
}

/* ---- waiting ---- */

bool hdfs_wait(struct hdfs *h, struct hdfs_wait *w, const struct error *why)
{
    enum { FIRST_MS = 50, MOST_MS = 5000, TELL_MS = 2000 };
    uint64_t now = clock_mono_ns();
    if (!w->started_ns) w->started_ns = now;
    int64_t waited = (int64_t)((now - w->started_ns) / 1000000);
    w->pause_ms = !w->pause_ms ? FIRST_MS : w->pause_ms * 2 > MOST_MS ? MOST_MS : w->pause_ms * 2;
    /* Who has just waited in vain does not wait so long for each step of its clean-up. */
    uint64_t gave_up = atomic_load(&h->gave_up_ns);
    int64_t patience = gave_up && now - gave_up < (uint64_t)h->patience_ms * 1000000 ? 200 : h->patience_ms;
    if (waited >= patience) {
        atomic_store(&h->gave_up_ns, now);
        return false;
    }
    int64_t left = patience - waited;
    int64_t pause = w->pause_ms - (int64_t)(now % 1000 * (uint64_t)w->pause_ms / 4000); /* clients spread out */
    if (pause > left) pause = left > 0 ? left : 1;
    if (!w->told && waited > TELL_MS) {
        log_warn("waiting for HDFS: %s", why->what);
        w->told = true;
    }
    for (int64_t done = 0; done < pause;) {
        if (h->stop && *h->stop) return false;
        int64_t step = pause - done < 100 ? pause - done : 100;
        struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(step * 1000000)};
        nanosleep(&t, NULL);
        done += step;
    }
    return true;
}

/* ---- answers ---- */

void hdfs_answer_reset(struct hdfs_answer *a) { web_reply_reset(&a->reply); }

/* {"RemoteException":{"exception":"…","javaClassName":"…","message":"…"}} */
void hdfs_answer_read(struct hdfs_answer *a)
{
    a->exception[0] = a->message[0] = '\0';
    if (a->reply.status / 100 == 2 || a->reply.status == 307) return;
    json_t *doc = a->reply.body.len ? json_loadb(a->reply.body.ptr, a->reply.body.len, 0, NULL) : NULL;
    json_t *remote = json_object_get(doc, "RemoteException");
    const char *name = json_string_value(json_object_get(remote, "exception"));
    const char *text = json_string_value(json_object_get(remote, "message"));
    if (name) snprintf(a->exception, sizeof a->exception, "%s", name);
    if (text) snprintf(a->message, sizeof a->message, "%.*s", (int)strcspn(text, "\n"), text);
    else snprintf(a->message, sizeof a->message, "HTTP status %ld", a->reply.status);
    json_decref(doc);
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names)) return true;
    return false;
}

bool hdfs_answer_passes(const struct hdfs_answer *a)
{
    static const char *const names[] = {"SafeModeException", "RetriableException", "StandbyException",
                                        "ServerTooBusyException", "ConnectException", "NoRouteToHostException", NULL};
    if (a->reply.status == 503 || a->reply.status == 502 || a->reply.status == 504) return true;
    if (is_one_of(a->exception, names)) return true;
    /* No DataNode at hand: dead ones come back, busy ones get free. */
    return strstr(a->message, "Failed to find datanode") || strstr(a->message, "could only be written to") ||
           strstr(a->message, "Name node is in safe mode") || strstr(a->message, "NameNode still not started") ||
           strstr(a->message, "All datanodes");
}

static bool is_another_nodes(const struct hdfs_answer *a) { return !strcmp(a->exception, "StandbyException"); }

enum err hdfs_answer_error(struct hdfs *h, const struct hdfs_answer *a, const char *doing, const char *path, struct error *e)
{
    static const char *const exists[] = {"FileAlreadyExistsException", "AlreadyBeingCreatedException", NULL};
    static const char *const denied[] = {"AccessControlException", "SecurityException", "AuthenticationException",
                                         "AuthorizationException", "InvalidToken", NULL};
    static const char *const full[] = {"DSQuotaExceededException", "NSQuotaExceededException", "QuotaExceededException",
                                       "QuotaByStorageTypeExceededException", NULL};
    char *at = hdfs_full_path(h, path);
    const char *why = a->message[0] ? a->message : "no reason given", *hint = NULL;
    enum err code = ERR_IO;
    if (is_one_of(a->exception, exists)) {
        code = ERR_EXISTS;
    } else if (!strcmp(a->exception, "FileNotFoundException") || (a->reply.status == 404 && !a->exception[0])) {
        code = ERR_NOT_FOUND;
        if (!a->exception[0]) hint = "is this port WebHDFS? hdfs.http names the NameNode's HTTP address";
    } else if (is_one_of(a->exception, full)) {
        code = ERR_NO_SPACE;
        hint = "raise the quota or make room, and run the command again";
    } else if (is_one_of(a->exception, denied) || a->reply.status == 401) {
        hint = "hdfs.user says who asks, hdfs.token proves it; or change the folder's owner";
    } else if (hdfs_answer_passes(a)) {
        code = ERR_RETRY;
        if (strstr(a->message, "afe mode") || !strcmp(a->exception, "SafeModeException"))
            hint = "the NameNode is in safe mode: hdfs dfsadmin -safemode get tells more; run the command again when it has left";
        else if (strstr(a->message, "atanode") || strstr(a->message, "could only be written"))
            hint = "are the DataNodes up, and have they room? hdfs dfsadmin -report";
    }
    err_set(e, code, "cannot %s %s on HDFS: %s", doing, at, why);
    if (hint) err_hint(e, "%s", hint);
    mem_free(at);
    return code;
}

char *hdfs_full_path(const struct hdfs *h, const char *path)
{
    return *path ? mem_printf("%s/%s", h->root, path) : mem_strdup(*h->root ? h->root : "/");
}

/* ---- the clock ---- */

static void note_clock(struct hdfs *h, const struct web_reply *reply)
{
    struct view date = web_reply_header(reply, "Date");
    struct tm t = {0};
    char text[64];
    if (!date.ptr || date.len >= sizeof text) return;
    memcpy(text, date.ptr, date.len);
    text[date.len] = '\0';
    if (strptime(text, "%a, %d %b %Y %H:%M:%S", &t)) atomic_store(&h->ahead_ms, (long long)timegm(&t) * 1000 - (long long)time(NULL) * 1000);
}

int64_t hdfs_now_ms(const struct hdfs *h) { return (int64_t)time(NULL) * 1000 + (int64_t)atomic_load(&((struct hdfs *)(uintptr_t)h)->ahead_ms); }

/* ---- asking ---- */

static char *url_of(const struct hdfs *h, size_t node, const char *path, const char *op)
{
    struct buf url = {0};
    char *full = hdfs_full_path(h, path);
    buf_printf(&url, "%s://%s/webhdfs/v1", h->scheme, h->node[node]);
    for (const char *p = full; *p;) {
        size_t n = strcspn(p, "/");
        web_escape(&url, p, n);
        p += n;
        for (; *p == '/'; p++) buf_char(&url, '/');
    }
    buf_printf(&url, "?%s%s", op, h->auth);
    mem_free(full);
    return buf_take(&url);
}

static enum err ask_once(struct hdfs *h, size_t node, const char *method, const char *path, const char *op,
                         struct hdfs_answer *a, struct error *e)
{
    struct web_client *c;
    char *url = url_of(h, node, path, op);
    enum err rc = hdfs_client_take(h, &c, e);
    a->exception[0] = a->message[0] = '\0';
    if (rc != ERR_OK) goto done;
    rc = web_send(c, &(struct web_request){.method = method, .url = url, .total_ms = 60000, .reply_bytes = 1u << 30}, &a->reply, e);
    hdfs_client_give(h, c);
    if (rc == ERR_OK) {
        note_clock(h, &a->reply);
        hdfs_answer_read(a);
        if (a->reply.status / 100 == 2) atomic_store(&h->gave_up_ns, 0);
    }
done:
    mem_free(url);
    return rc;
}

enum err hdfs_ask(struct hdfs *h, const char *method, const char *path, const char *op, const char *doing,
                  struct hdfs_answer *a, struct error *e)
{
    struct hdfs_wait wait = {0};
    struct error why;
    size_t asked = 0;
    for (;;) {
        size_t node = atomic_load(&h->current);
        enum err rc = ask_once(h, node, method, path, op, a, &why);
        if (rc == ERR_OK && (a->reply.status / 100 == 2 || a->reply.status == 307)) return ERR_OK;
        bool away = rc == ERR_RETRY || (rc == ERR_OK && is_another_nodes(a));
        if (rc == ERR_OK) rc = hdfs_answer_error(h, a, doing, path, &why);
        else if (rc == ERR_RETRY) {
            err_context(&why, "the NameNode does not answer: ");
            err_hint(&why, "is it up, and is hdfs.http its HTTP address (by default port 9870 of the lake's host)?");
        }
        if (rc == ERR_RETRY) {
            if (away && h->nodes > 1) atomic_compare_exchange_strong(&h->current, &node, (node + 1) % h->nodes);
            if (away && ++asked < h->nodes) continue; /* the other one at once */
            asked = 0;
            if (hdfs_wait(h, &wait, &why)) continue;
        }
        if (e) *e = why;
        return rc;
    }
}
