/* A server of a few lines in a thread of its own: what a client sends, and what it makes of answers. */
#include "base/test.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/web.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
    int fd;
    uint16_t port;
    const char *answer; /* NULL: hangs up */
    int requests;       /* to serve on one connection */
    struct buf got;
    pthread_t thread;
};

static bool whole(const struct buf *b)
{
    const char *end = b->len ? strstr(b->ptr, "\r\n\r\n") : NULL, *length;
    if (!end) return false;
    if (strstr(b->ptr, "chunked")) return strstr(end, "\r\n0\r\n\r\n") != NULL;
    length = strstr(b->ptr, "Content-Length: ");
    return b->len >= (size_t)(end + 4 - b->ptr) + (length ? (size_t)atoi(length + 16) : 0);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int c = accept(s->fd, NULL, NULL);
    for (int i = 0; i < s->requests; i++) {
        char piece[4096];
        buf_clear(&s->got);
        while (!whole(&s->got)) {
            ssize_t n = read(c, piece, sizeof piece);
            if (n <= 0) break;
            buf_add(&s->got, piece, (size_t)n);
        }
        if (s->answer && write(c, s->answer, strlen(s->answer)) < 0) break;
    }
    close(c);
    return NULL;
}

static void start(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 4), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &size), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
    buf_reset(&s->got);
}

static void open_client(struct web_client **c, const struct web_options *o)
{
    struct error e;
    if (web_open(o, c, &e) != ERR_OK) skip(); /* no libcurl on this machine */
}

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing:  a value \r\n\r\nhello";

static void get_twice_on_one_connection(void **state)
{
    (void)state;
    struct web_client *c = NULL;
    open_client(&c, &(struct web_options){.user = "me", .password = "secret"});
    struct server s = {.answer = hello, .requests = 2};
    struct web_reply reply = {0};
    struct error e;
    start(&s);
    char *url = mem_printf("http://127.0.0.1:%u/a?b=1", s.port);
    const char *headers[] = {"X-Mine: yes", NULL};
    struct web_request r = {.method = "GET", .url = url, .headers = headers};
    for (int i = 0; i < 2; i++) {
        assert_ok(web_send(c, &r, &reply, &e), &e);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body.ptr, "hello");
        struct view v = web_reply_header(&reply, "x-thing");
        assert_true(view_is(v, "a value"));
        assert_null(web_reply_header(&reply, "X-Thin").ptr);
    }
    web_close(&c);
    pthread_join(s.thread, NULL);
    assert_non_null(strstr(s.got.ptr, "GET /a?b=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(s.got.ptr, "X-Mine: yes\r\n"));
    assert_non_null(strstr(s.got.ptr, "Authorization: Basic bWU6c2VjcmV0\r\n"));
    close(s.fd);
    buf_reset(&s.got);
    web_reply_reset(&reply);
    mem_free(url);
}

static enum err three_pieces(void *ctx, struct buf *out, struct error *e)
{
    int *n = ctx;
    (void)e;
    if (*n < 3) buf_printf(out, "piece %d;", (*n)++);
    return ERR_OK;
}

static void bodies(void **state)
{
    (void)state;
    char path[] = "/tmp/lakefm-web-XXXXXX";
    int fd = mkstemp(path), n = 0;
    assert_int_equal(write(fd, "from a file", 11), 11);
    close(fd);
    const struct {
        struct web_request r;
        const char *sent;
    } cases[] = {
        {{.method = "POST", .body = view_of("some text")}, "\r\n\r\nsome text"},
        {{.method = "PUT", .body = view_from("", 0)}, "Content-Length: 0\r\n"},
        {{.method = "PUT", .body_path = path}, "\r\n\r\nfrom a file"},
        {{.method = "POST", .body_more = three_pieces, .body_ctx = &n}, "piece 0;"},
        {{.method = "DELETE"}, "DELETE /x HTTP/1.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_client *c = NULL;
        open_client(&c, &(struct web_options){0});
        struct server s = {.answer = hello, .requests = 1};
        struct web_reply reply = {0};
        struct error e;
        start(&s);
        char *url = mem_printf("http://127.0.0.1:%u/x", s.port);
        struct web_request r = cases[i].r;
        r.url = url;
        assert_ok(web_send(c, &r, &reply, &e), &e);
        pthread_join(s.thread, NULL);
        assert_non_null(strstr(s.got.ptr, cases[i].sent));
        assert_memory_equal(s.got.ptr, r.method, strlen(r.method));
        assert_null(strstr(s.got.ptr, "Expect"));
        close(s.fd);
        buf_reset(&s.got);
        web_reply_reset(&reply);
        web_close(&c);
        mem_free(url);
    }
    assert_int_equal(n, 3);
    unlink(path);
}

static void what_goes_wrong(void **state)
{
    (void)state;
    struct web_client *c = NULL;
    struct web_reply reply = {0};
    struct error e;
    volatile sig_atomic_t leave = 0;
    open_client(&c, &(struct web_options){.stop = &leave});
    struct server s = {.answer = NULL, .requests = 1};
    start(&s);
    char *url = mem_printf("http://127.0.0.1:%u/?password=x", s.port);
    struct web_request r = {.method = "GET", .url = url};
    shutdown(s.fd, SHUT_RD); /* accept fails, the connection is reset */
    assert_int_equal(web_send(c, &r, &reply, &e), ERR_RETRY);
    assert_null(strstr(e.what, "password"));
    stop(&s);
    assert_int_equal(web_send(c, &r, &reply, &e), ERR_RETRY); /* refused */
    r.url = "ftp://127.0.0.1/";
    assert_int_equal(web_send(c, &r, &reply, &e), ERR_INPUT);
    struct server big = {.answer = hello, .requests = 1};
    start(&big);
    char *other = mem_printf("http://127.0.0.1:%u/", big.port);
    r = (struct web_request){.method = "GET", .url = other, .reply_bytes = 4};
    assert_int_equal(web_send(c, &r, &reply, &e), ERR_IO);
    stop(&big);
    leave = 1;
    assert_int_not_equal(web_send(c, &r, &reply, &e), ERR_OK);
    web_reply_reset(&reply);
    web_close(&c);
    mem_free(url);
    mem_free(other);
}

static void escape(void **state)
{
    (void)state;
    struct buf b = {0};
    web_escape(&b, "a-Z_0.~ &=/\xc3\xa9", 13);
    assert_string_equal(b.ptr, "a-Z_0.~%20%26%3D%2F%C3%A9");
    buf_reset(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_twice_on_one_connection),
        cmocka_unit_test(bodies),
        cmocka_unit_test(what_goes_wrong),
        cmocka_unit_test(escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
