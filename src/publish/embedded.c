#include "publish/embedded.h"

#include "base/io.h"
#include "base/log.h"
#include "base/web.h"
#include "publish/chdb.h"
#include "publish/clickhouse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct embedded {
    struct embedded_options o;
    char *library, *folder, *url, *log_path, *root; /* root: where gold/ is */
    char password[33];
    char *argv[16];
    struct web_client *ping; /* the watcher's */
    struct web_reply pong;
    struct child *child;
    /* the follower */
    pthread_t follower;
    bool following;
    pthread_mutex_t lock;
    pthread_cond_t leave_now;
    bool leave, again; /* again: the child was started anew */
};

/* ---- settings ---- */

static enum err make_password(char out[33], struct error *e)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return err_sys(e, errno, "no random numbers");
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return ERR_OK;
}

static enum err write_private(const char *folder, const char *name, const struct buf *text, struct error *e)
{
    char *path = io_path(folder, name);
    mode_t before = umask(0077);
    enum err rc = io_write_file(path, text->ptr, text->len, false, e);
    umask(before);
    mem_free(path);
    return rc;
}

static enum err write_settings(struct embedded *b, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf server = {0}, users = {0};
    struct embedded_options o = b->o;
    o.folder = b->folder;
    embedded_server_xml(&o, &server);
    embedded_users_xml(&o, b->password, &users);
    TRY(write_private(b->folder, "server.xml", &server, e));
    TRY(write_private(b->folder, "users.xml", &users, e));
done:
    buf_reset(&server);
    buf_reset(&users);
    return rc;
}

static bool is_loopback(const char *bind) { return str_starts(bind, "127.") || !strcmp(bind, "::1"); }

/* ClickHouse tells a taken port on its stderr alone; another server there would answer /ping in its place. */
static enum err check_port(const char *bind_to, int64_t port, const char *key, struct error *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    if (!port) return ERR_OK;
    if (inet_pton(AF_INET, bind_to, &at.sin_addr) != 1) return ERR_OK; /* IPv6: left to ClickHouse */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_sys(e, errno, "no socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int sys = bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 1) ? errno : 0;
    close(fd);
    if (!sys) return ERR_OK;
    if (sys != EADDRINUSE) return err_sys(e, sys, "ClickHouse cannot listen on %s:%lld", bind_to, (long long)port);
    err_set(e, ERR_BUSY, "port %lld of %s, which ClickHouse needs, is taken", (long long)port, bind_to);
    return err_hint(e, "give it another one: --set %s=PORT", key);
}

/* ---- health ---- */

static bool healthy(void *ctx)
{
    struct embedded *b = ctx;
    char *url = mem_printf("%s/ping", b->url);
    struct web_request r = {.method = "GET", .url = url, .total_ms = 3000};
    struct error no;
    bool yes = web_send(b->ping, &r, &b->pong, &no) == ERR_OK && b->pong.status == 200 && b->pong.body.len &&
               !strcmp(b->pong.body.ptr, "Ok.\n");
    mem_free(url);
    return yes;
}

static void started(void *ctx)
{
    struct embedded *b = ctx;
    pthread_mutex_lock(&b->lock);
    b->again = true;
    pthread_cond_broadcast(&b->leave_now);
    pthread_mutex_unlock(&b->lock);
}

/* ---- following the lake ---- */

struct follower {
    struct embedded *b;
    struct lake *lake;
    struct click *click;
    struct model_notes notes;
    uint64_t done; /* gold as of this commit is published; UINT64_MAX: nothing is */
    char said[1024];
};

static uint64_t gold_changed(struct lake *lake)
{
    struct lake_tables t;
    uint64_t newest = 0;
    lake_tables(lake, &t);
    for (size_t i = 0; i < t.count; i++)
        if (t.table[i].layer == LAKE_GOLD && t.table[i].changed > newest) newest = t.table[i].changed;
    lake_tables_free(&t);
    return newest;
}

static enum err follow(struct follower *f, struct error *e)
{
    struct embedded *b = f->b;
    enum err rc = ERR_OK;
    struct marts marts = {0};
    if (!f->click) {
        struct click_options o = {.url = b->url, .user = "lakefm", .password = b->password, .wait_ms = 5000};
        TRY(click_open(&o, &f->click, e));
        struct buf sql = {0};
        buf_str(&sql, "CREATE DATABASE IF NOT EXISTS ");
        click_name(&sql, b->o.database);
        rc = click_run(f->click, sql.ptr, e);
        buf_reset(&sql);
        TRY(rc);
    }
    if (!f->lake) TRY(lake_open(b->o.lake_url, LAKE_READER, &f->lake, e));
    else TRY(lake_reload(f->lake, e));
    uint64_t changed = gold_changed(f->lake);
    if (!changed || changed == f->done) goto done;
    bool on_hdfs = str_starts(b->root, "hdfs://");
    struct clickhouse_options o = {.mode = on_hdfs ? CLICKHOUSE_HDFS : CLICKHOUSE_FILE,
                                   .database = b->o.database,
                                   .root = b->root,
                                   .definer = on_hdfs ? NULL : "lakefm",
                                   .replace = true,
                                   .no_check = f->done != UINT64_MAX};
    TRY(marts_read(f->lake, &f->notes, NULL, &marts, e));
    TRY(clickhouse_publish(f->click, &marts, &o, e));
    f->done = changed;
done:
    marts_reset(&marts);
    return rc;
}

/* The same complaint is made once. No lake or no gold yet is none. */
static void complain(struct follower *f, enum err rc, const struct error *e)
{
    char text[1024];
    if (rc == ERR_OK || rc == ERR_NOT_FOUND) {
        f->said[0] = '\0';
        return;
    }
    err_format(e, text, sizeof text);
    if (!strcmp(text, f->said)) return;
    snprintf(f->said, sizeof f->said, "%s", text);
    if (rc != ERR_RETRY) log_warn("ClickHouse's tables stay as they are: %s", text);
}

static void *follow_thread(void *arg)
{
    struct embedded *b = arg;
    struct follower f = {.b = b, .done = UINT64_MAX};
    struct error e = {0};
    enum err rc = model_notes_load(b->o.project, &f.notes, &e);
    if (rc != ERR_OK) complain(&f, rc, &e);
    pthread_mutex_lock(&b->lock);
    while (!b->leave) {
        struct timespec until;
        int64_t poll_ms = b->o.poll_ms ? b->o.poll_ms : 500;
        if (b->again) click_close(&f.click), f.done = UINT64_MAX;
        b->again = false;
        pthread_mutex_unlock(&b->lock);
        rc = follow(&f, &e);
        complain(&f, rc, &e);
        if (rc != ERR_OK) click_close(&f.click);
        pthread_mutex_lock(&b->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += poll_ms / 1000;
        until.tv_nsec += poll_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        while (!b->leave && !b->again && pthread_cond_timedwait(&b->leave_now, &b->lock, &until) != ETIMEDOUT) {}
    }
    pthread_mutex_unlock(&b->lock);
    click_close(&f.click);
    lake_close(&f.lake);
    model_notes_reset(&f.notes);
    return NULL;
}

/* ---- open and close ---- */

static enum err find_root(struct embedded *b, struct error *e)
{
    char path[PATH_MAX];
    if (strstr(b->o.lake_url, "://")) {
        b->root = mem_strdup(b->o.lake_url);
        return ERR_OK;
    }
    if (!realpath(b->o.lake_url, path)) return err_sys(e, errno, "cannot find %s", b->o.lake_url);
    b->root = mem_strdup(path);
    return ERR_OK;
}

static void make_argv(struct embedded *b)
{
    size_t n = 0;
    b->argv[n++] = mem_strdup(b->o.program);
    b->argv[n++] = mem_strdup("clickhouse-child");
    b->argv[n++] = mem_printf("--library=%s", b->library);
    b->argv[n++] = mem_printf("--folder=%s", b->folder);
    b->argv[n++] = mem_printf("--bind=%s", b->o.bind);
    b->argv[n++] = mem_printf("--http-port=%lld", (long long)b->o.http_port);
    b->argv[n++] = mem_printf("--tcp-port=%lld", (long long)b->o.tcp_port);
}

static enum err check(const struct embedded_options *o, struct error *e)
{
    if (!is_loopback(o->bind) && !(o->password && o->password[0])) {
        err_set(e, ERR_USAGE, "ClickHouse shall listen on %s, which others can reach, without a password", o->bind);
        return err_hint(e, "set LAKEFM_CLICKHOUSE_PASSWORD (of user bi)");
    }
    enum err rc = check_port(o->bind, o->http_port, "clickhouse.http_port", e);
    return rc == ERR_OK ? check_port(o->bind, o->tcp_port, "clickhouse.tcp_port", e) : rc;
}

enum err embedded_open(const struct embedded_options *options, struct embedded **out, struct error *e)
{
    enum err rc = ERR_OK;
    char path[PATH_MAX];
    struct embedded *b = mem_zalloc(sizeof *b);
    b->o = *options;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->leave_now, &attr);
    pthread_condattr_destroy(&attr);
    TRY(chdb_find(options->library, &b->library, e));
    TRY(check(options, e));
    TRY(find_root(b, e));
    TRY(io_make_dirs(options->folder, e));
    if (!realpath(options->folder, path)) TRY(err_sys(e, errno, "cannot find %s", options->folder));
    (void)!chmod(path, 0700);
    b->folder = mem_strdup(path);
    b->log_path = io_path(b->folder, "start.log");
    TRY(make_password(b->password, e));
    TRY(write_settings(b, e));
    b->url = mem_printf("http://%s:%lld", !strcmp(options->bind, "0.0.0.0") ? "127.0.0.1" : options->bind, (long long)options->http_port);
    TRY(web_open(&(struct web_options){.connect_ms = 2000}, &b->ping, e));
    make_argv(b);
    struct child_options child = {.name = "ClickHouse", .argv = (const char *const *)b->argv, .log_path = b->log_path,
                                  .healthy = healthy, .started = started, .ctx = b};
    TRY(child_start(&child, &b->child, e));
    int code = pthread_create(&b->follower, NULL, follow_thread, b);
    if (code) TRY(err_sys(e, code, "cannot start a thread"));
    b->following = true;
    *out = b;
done:
    if (rc != ERR_OK) embedded_close(&b);
    return rc;
}

void embedded_close(struct embedded **embedded)
{
    struct embedded *b = *embedded;
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->leave = true;
    pthread_cond_broadcast(&b->leave_now);
    pthread_mutex_unlock(&b->lock);
    if (b->following) pthread_join(b->follower, NULL);
    child_stop(&b->child);
    web_close(&b->ping);
    web_reply_reset(&b->pong);
    for (size_t i = 0; b->argv[i]; i++) mem_free(b->argv[i]);
    mem_free(b->library);
    mem_free(b->folder);
    mem_free(b->url);
    mem_free(b->log_path);
    mem_free(b->root);
    pthread_cond_destroy(&b->leave_now);
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
    *embedded = NULL;
}

void embedded_state(struct embedded *b, struct child_state *out) { child_state(b->child, out); }
