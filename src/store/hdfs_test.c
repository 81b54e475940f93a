/* A store on a WebHDFS of a few lines that breaks on demand. The real one is in tests/cluster/hdfs.py. */
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test.h"
#include "base/web.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 64 };

struct peer {
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    bool leaving;
    struct {
        char *path;
        struct buf bytes;
        int id;
    } file[FILES];
    int last_id;
    /* what is wrong with it; counts go down */
    bool httpfs;
    int lose_rename, half_upload, dead_node, wrong_bytes, safe_mode, standby;
    int uploads, excluded, opens;
};

static int find(struct peer *p, const char *path)
{
    for (int i = 0; i < FILES; i++)
        if (p->file[i].path && !strcmp(p->file[i].path, path)) return i;
    return -1;
}

static void forget(struct peer *p, int i)
{
    mem_free(p->file[i].path);
    p->file[i].path = NULL;
    buf_reset(&p->file[i].bytes);
}

static void keep(struct peer *p, const char *path, const char *bytes, size_t len)
{
    int i = find(p, path);
    for (int k = 0; i < 0 && k < FILES; k++)
        if (!p->file[k].path) i = k, p->file[k].path = mem_strdup(path), p->file[k].id = ++p->last_id;
    buf_clear(&p->file[i].bytes);
    buf_add(&p->file[i].bytes, bytes, len);
}

/* "key=value" of the query; "" when it is not there. */
static void value_of(const char *query, const char *key, char *out, size_t size)
{
    size_t n = strlen(key);
    out[0] = '\0';
    for (const char *at = query; at; at = strchr(at, '&')) {
        if (*at == '&') at++;
        if (!strncmp(at, key, n) && at[n] == '=') snprintf(out, size, "%.*s", (int)strcspn(at + n + 1, "& "), at + n + 1);
    }
    for (char *from = out, *to = out;; from++, to++) { /* %2F → / */
        if (*from == '%') *to = (char)strtol((char[]){from[1], from[2], '\0'}, NULL, 16), from += 2;
        else *to = *from;
        if (!*from) break;
    }
}

static void answer(struct buf *out, int status, const char *extra, const char *body, size_t len)
{
    buf_printf(out, "HTTP/1.1 %d X\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n", status, extra, len);
    buf_add(out, body, len);
}

static void exception(struct buf *out, int status, const char *name, const char *why)
{
    char *body = mem_printf("{\"RemoteException\":{\"exception\":\"%s\",\"javaClassName\":\"x\",\"message\":\"%s\\n\\tat x\"}}", name, why);
    answer(out, status, "", body, strlen(body));
    mem_free(body);
}

static void redirect(struct peer *p, struct buf *out, const char *path, const char *op)
{
    char *to = mem_printf("Location: http://127.0.0.1:%d/data%s?op=%s\r\n", p->dead_node > 0 ? 1 : p->port, path, op);
    if (p->dead_node > 0) p->dead_node--;
    answer(out, 307, to, "", 0);
    mem_free(to);
}

static void do_rename(struct peer *p, struct buf *out, const char *path, const char *query)
{
    char to[512], options[32];
    value_of(query, "destination", to, sizeof to);
    value_of(query, "renameoptions", options, sizeof options);
    int from = find(p, path), there = find(p, to);
    if (p->httpfs) return answer(out, 200, "", "{\"boolean\":false}", 17);
    if (from < 0) return exception(out, 404, "FileNotFoundException", "no source");
    if (there >= 0 && strcmp(options, "OVERWRITE")) return exception(out, 403, "FileAlreadyExistsException", "it is there");
    if (there >= 0) forget(p, there);
    mem_free(p->file[from].path);
    p->file[from].path = mem_strdup(to);
    if (p->lose_rename > 0 && p->lose_rename--) return; /* not a word */
    answer(out, 200, "", "", 0);
}

static void do_data(struct peer *p, struct buf *out, const char *method, const char *path, const char *body, size_t len)
{
    int i = find(p, path);
    if (!strcmp(method, "PUT")) {
        p->uploads++;
        if (i >= 0) return exception(out, 403, "FileAlreadyExistsException", "it is there");
        if (p->safe_mode > 0 && p->safe_mode--) return exception(out, 403, "SafeModeException", "Name node is in safe mode.");
        bool half = p->half_upload > 0 && p->half_upload--;
        keep(p, path, body, half ? len / 2 : len);
        if (half) return; /* cut: the file is closed and looks whole */
        return answer(out, 201, "", "", 0);
    }
    p->opens++;
    if (i < 0) return exception(out, 404, "FileNotFoundException", "no such file");
    char *bytes = mem_strndup(p->file[i].bytes.ptr, p->file[i].bytes.len);
    if (p->wrong_bytes > 0 && p->wrong_bytes-- && *bytes) bytes[0] ^= 1;
    answer(out, 200, "", bytes, p->file[i].bytes.len);
    mem_free(bytes);
}

static void do_request(struct peer *p, struct buf *out, const char *method, char *target, const char *body, size_t len)
{
    char op[32], excluded[64], *query = strchr(target, '?');
    if (query) *query++ = '\0';
    value_of(query, "op", op, sizeof op);
    value_of(query, "excludedatanodes", excluded, sizeof excluded);
    if (*excluded) p->excluded++;
    if (str_starts(target, "/data")) return do_data(p, out, method, target + 5, body, len);
    const char *path = target + strlen("/webhdfs/v1");
    int i = find(p, path);
    if (p->standby > 0 && p->standby--) return exception(out, 403, "StandbyException", "not me");
    if (!strcmp(op, "RENAME")) return do_rename(p, out, path, query);
    if (!strcmp(op, "CREATE") || !strcmp(op, "OPEN")) {
        if (!strcmp(op, "OPEN") && i < 0) return exception(out, 404, "FileNotFoundException", "no such file");
        return redirect(p, out, path, op);
    }
    if (!strcmp(op, "DELETE")) {
        if (i >= 0) forget(p, i);
        return answer(out, 200, "", "{\"boolean\":true}", 16);
    }
    if (!strcmp(op, "GETFILESTATUS")) {
        if (i < 0 && strcmp(path, "/lake")) return exception(out, 404, "FileNotFoundException", "no such file");
        char *text = mem_printf("{\"FileStatus\":{\"type\":\"%s\",\"length\":%zu,\"fileId\":%d}}", i < 0 ? "DIRECTORY" : "FILE",
                                i < 0 ? 0 : p->file[i].bytes.len, i < 0 ? 1 : p->file[i].id);
        answer(out, 200, "", text, strlen(text));
        mem_free(text);
        return;
    }
    answer(out, 200, "", "{\"boolean\":true}", 16); /* MKDIRS */
}

struct line {
    struct peer *peer;
    int fd;
};

static void *talk(void *arg)
{
    struct line *l = arg;
    struct buf got = {0}, out = {0};
    char piece[8192], method[16], target[2048];
    const char *end = NULL, *length = NULL;
    size_t want = 0;
    while (!end || got.len < want) {
        ssize_t n = read(l->fd, piece, sizeof piece);
        if (n <= 0) goto done;
        buf_add(&got, piece, (size_t)n);
        buf_reserve(&got, 1)[0] = '\0';
        if (!end && (end = strstr(got.ptr, "\r\n\r\n"))) {
            size_t head = (size_t)(end - got.ptr) + 4;
            length = strcasestr(got.ptr, "Content-Length: ");
            want = head + (length && length < end ? (size_t)atoi(length + 16) : 0);
        }
    }
    end = strstr(got.ptr, "\r\n\r\n") + 4;
    if (sscanf(got.ptr, "%15s %2047s", method, target) != 2) goto done;
    pthread_mutex_lock(&l->peer->lock);
    do_request(l->peer, &out, method, target, end, got.len - (size_t)(end - got.ptr));
    pthread_mutex_unlock(&l->peer->lock);
    if (out.len && write(l->fd, out.ptr, out.len) < 0) print_error("the client has left\n");
done:
    shutdown(l->fd, SHUT_RDWR);
    close(l->fd);
    buf_reset(&got);
    buf_reset(&out);
    mem_free(l);
    return NULL;
}

static void *serve(void *arg)
{
    struct peer *p = arg;
    for (;;) {
        int fd = accept(p->fd, NULL, NULL);
        if (fd < 0 || p->leaving) {
            if (fd >= 0) close(fd);
            return NULL;
        }
        struct line *l = mem_zalloc(sizeof *l);
        *l = (struct line){p, fd};
        talk(l); /* one after the other: the store asks one question a connection */
    }
}

struct room {
    char folder[64], http[64];
    struct peer peer;
    struct store *s;
    struct error e;
};

static int set_up(void **state)
{
    struct room *r = mem_zalloc(sizeof *r);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    strcpy(r->folder, "/tmp/lakefm-hdfs-XXXXXX");
    if (!mkdtemp(r->folder)) return -1;
    pthread_mutex_init(&r->peer.lock, NULL);
    r->peer.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(r->peer.fd, (struct sockaddr *)&at, sizeof at) || listen(r->peer.fd, 64) ||
        getsockname(r->peer.fd, (struct sockaddr *)&at, &size))
        return -1;
    r->peer.port = ntohs(at.sin_port);
    if (pthread_create(&r->peer.thread, NULL, serve, &r->peer)) return -1;
    snprintf(r->http, sizeof r->http, "127.0.0.1:%d", r->peer.port);
    store_hdfs_setup(&(struct store_hdfs_settings){.http = r->http, .user = "tester", .cache = r->folder, .patience_ms = 3000, .uploads = 2});
    struct web_client *c;
    if (web_open(&(struct web_options){0}, &c, &r->e) == ERR_OK) {
        web_close(&c);
        if (store_open("hdfs://127.0.0.1:8020/lake", 0, &r->s, &r->e) != ERR_OK) return -1;
    }
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    if (r->s) store_close(&r->s);
    r->peer.leaving = true;
    shutdown(r->peer.fd, SHUT_RDWR);
    pthread_join(r->peer.thread, NULL);
    close(r->peer.fd);
    for (int i = 0; i < FILES; i++)
        if (r->peer.file[i].path) forget(&r->peer, i);
    pthread_mutex_destroy(&r->peer.lock);
    if (io_remove_tree(r->folder, &r->e) != ERR_OK) return -1;
    mem_free(r);
    return 0;
}

static struct room *room_of(void **state)
{
    struct room *r = *state;
    if (!r->s) skip(); /* no libcurl on this machine */
    return r;
}

static const char text[] = "twenty bytes of text";

static void put(struct room *r, const char *path)
{
    assert_ok(store_put(r->s, path, text, strlen(text), &r->e), &r->e);
    assert_ok(store_sync_dir(r->s, "d", &r->e), &r->e);
}

static void holds_text(struct room *r, const char *path)
{
    struct buf b = {0};
    assert_ok(store_read(r->s, path, &b, &r->e), &r->e);
    assert_string_equal(b.ptr, text);
    buf_reset(&b);
}

static size_t count_files(const struct room *r)
{
    size_t n = 0;
    for (int i = 0; i < FILES; i++) n += r->peer.file[i].path != NULL;
    return n;
}

static void a_file_goes_and_comes_back(void **state)
{
    struct room *r = room_of(state);
    char *local = NULL;
    put(r, "d/f");
    holds_text(r, "d/f");
    int opens = r->peer.opens;
    assert_ok(store_fetch(r->s, "d/f", strlen(text), hash_128(text, strlen(text)), &local, &r->e), &r->e);
    assert_int_equal(r->peer.opens, opens); /* what was written here is a copy already */
    assert_true(io_exists(local));
    mem_free(local);
    assert_int_equal(store_read(r->s, "d/none", &(struct buf){0}, &r->e), ERR_NOT_FOUND);
    assert_int_equal(store_exchange(r->s, "d", "x", &r->e), ERR_UNSUPPORTED);
}

static void a_cut_upload_is_sent_again_under_another_name(void **state)
{
    struct room *r = room_of(state);
    r->peer.half_upload = 1;
    put(r, "d/f");
    holds_text(r, "d/f");
    assert_int_equal(r->peer.uploads, 2);
    assert_int_equal(count_files(r), 1);
}

static void what_does_not_come_back_as_it_was_sent_is_sent_again(void **state)
{
    struct room *r = room_of(state);
    r->peer.wrong_bytes = 1;
    put(r, "d/f");
    assert_int_equal(r->peer.uploads, 2);
    assert_int_equal(count_files(r), 1);
    r->peer.wrong_bytes = 1000;
    assert_ok(store_put(r->s, "d/g", text, strlen(text), &r->e), &r->e);
    assert_int_equal(store_sync_dir(r->s, "d", &r->e), ERR_RETRY); /* and says so until it is removed */
    assert_int_equal(store_rename_new(r->s, "d/g", "d/h", &r->e), ERR_RETRY);
    r->peer.wrong_bytes = 0;
    assert_ok(store_remove(r->s, "d/g", &r->e), &r->e);
    assert_ok(store_sync_dir(r->s, "d", &r->e), &r->e);
}

static void a_dead_datanode_is_left_out(void **state)
{
    struct room *r = room_of(state);
    r->peer.dead_node = 1;
    put(r, "d/f");
    assert_true(r->peer.excluded > 0);
    r->peer.dead_node = 1;
    holds_text(r, "d/f");
}

static void a_lost_answer_to_a_rename_is_understood(void **state)
{
    struct room *r = room_of(state);
    put(r, "d/f");
    put(r, "d/other");
    r->peer.lose_rename = 1;
    assert_ok(store_rename_new(r->s, "d/f", "d/g", &r->e), &r->e);
    holds_text(r, "d/g");
    r->peer.lose_rename = 1;
    assert_ok(store_rename(r->s, "d/g", "d/h", &r->e), &r->e);
    assert_int_equal(store_rename_new(r->s, "d/other", "d/h", &r->e), ERR_EXISTS);
    assert_int_equal(store_rename_new(r->s, "d/g", "d/h", &r->e), ERR_NOT_FOUND);
}

static void safe_mode_is_waited_for_and_then_said(void **state)
{
    struct room *r = room_of(state);
    r->peer.safe_mode = 2;
    put(r, "d/f");
    r->peer.safe_mode = 1000;
    assert_ok(store_put(r->s, "d/g", text, strlen(text), &r->e), &r->e);
    assert_int_equal(store_sync_dir(r->s, "d", &r->e), ERR_RETRY);
    assert_non_null(strstr(r->e.what, "safe mode"));
    assert_non_null(strstr(r->e.hint, "dfsadmin"));
}

static void a_standby_is_asked_again(void **state)
{
    struct room *r = room_of(state);
    r->peer.standby = 2;
    put(r, "d/f");
    holds_text(r, "d/f");
}

static void httpfs_is_for_reading_only(void **state)
{
    struct room *r = room_of(state);
    r->peer.httpfs = true;
    keep(&r->peer, "/lake/d/f", text, strlen(text));
    holds_text(r, "d/f");
    assert_int_equal(store_put(r->s, "d/g", text, 1, &r->e), ERR_UNSUPPORTED);
    assert_non_null(strstr(r->e.what, "HttpFS"));
    assert_int_equal(store_make_dirs(r->s, "x", &r->e), ERR_UNSUPPORTED);
    assert_int_equal(store_rename_new(r->s, "d/f", "d/h", &r->e), ERR_UNSUPPORTED);
    assert_int_equal(store_remove(r->s, "d/f", &r->e), ERR_UNSUPPORTED);
    assert_int_equal(r->peer.uploads, 0);
}

static void changed_bytes_are_refused(void **state)
{
    struct room *r = room_of(state);
    char *local = NULL;
    struct hash128 hash = hash_128(text, strlen(text));
    keep(&r->peer, "/lake/d/f", "twenty BYTES of text", strlen(text));
    assert_int_equal(store_fetch(r->s, "d/f", strlen(text), hash, &local, &r->e), ERR_CORRUPT);
    assert_non_null(strstr(r->e.what, "hash"));
    assert_int_equal(store_fetch(r->s, "d/f", 5, hash, &local, &r->e), ERR_CORRUPT);
    assert_null(local);
    keep(&r->peer, "/lake/d/f", text, strlen(text));
    assert_ok(store_fetch(r->s, "d/f", strlen(text), hash, &local, &r->e), &r->e);
    mem_free(local);
    /* Fresh eyes do not believe the copy. */
    struct store *fresh;
    assert_ok(store_open("hdfs://127.0.0.1:8020/lake", STORE_FRESH, &fresh, &r->e), &r->e);
    keep(&r->peer, "/lake/d/f", "twenty BYTES of text", strlen(text));
    assert_ok(store_fetch(r->s, "d/f", strlen(text), hash, &local, &r->e), &r->e);
    mem_free(local);
    assert_int_equal(store_fetch(fresh, "d/f", strlen(text), hash, &local, &r->e), ERR_CORRUPT);
    store_close(&fresh);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_file_goes_and_comes_back),
        T(a_cut_upload_is_sent_again_under_another_name),
        T(what_does_not_come_back_as_it_was_sent_is_sent_again),
        T(a_dead_datanode_is_left_out),
        T(a_lost_answer_to_a_rename_is_understood),
        T(safe_mode_is_waited_for_and_then_said),
        T(a_standby_is_asked_again),
        T(httpfs_is_for_reading_only),
        T(changed_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
