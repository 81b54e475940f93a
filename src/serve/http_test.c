/* Requests byte by byte against a real socket: who may ask, and what is refused. */
#include "base/test.h"

#include "serve/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void route(void *ctx, const struct http_request *r, struct http_answer *a)
{
    (void)ctx;
    buf_printf(&a->body, "%s %s %zu %s", r->method, r->path, r->body.len, http_query(r, "q") ? http_query(r, "q") : "-");
    strcpy(a->etag, "tag");
}

/* The status of the answer; its text in out. 0: the connection was closed without one. */
static int ask(uint16_t port, const char *request, size_t len, char out[8192])
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t got = 0;
    ssize_t n;
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    for (size_t at = 0; at < len && (n = send(fd, request + at, len - at, MSG_NOSIGNAL)) > 0;) at += (size_t)n;
    shutdown(fd, SHUT_WR);
    while (got < 8191 && (n = recv(fd, out + got, 8191 - got, 0)) > 0) got += (size_t)n;
    close(fd);
    out[got] = '\0';
    return got > 12 ? atoi(out + 9) : 0;
}

static struct http *open_http(const char *token)
{
    struct http_options o = {.bind = "127.0.0.1", .token = token, .connections = 16, .route = route};
    struct http *h = NULL;
    struct error e;
    assert_ok(http_open(&o, &h, &e), &e);
    return h;
}

static int get(struct http *h, const char *line, const char *headers, char out[8192])
{
    struct buf request = {0};
    buf_printf(&request, "%s HTTP/1.1\r\nConnection: close\r\n%s\r\n", line, headers);
    int status = ask(http_port(h), request.ptr, request.len, out);
    buf_reset(&request);
    return status;
}

static void hosts_and_origins(void **state)
{
    char out[8192];
    struct http *h = open_http(NULL);
    (void)state;
    assert_int_equal(get(h, "GET /a%20b?q=%3C", "Host: 127.0.0.1:1\r\n", out), 200);
    assert_non_null(strstr(out, "GET /a b 0 <"));
    assert_non_null(strstr(out, "Content-Security-Policy: default-src 'none'"));
    assert_int_equal(get(h, "GET /", "Host: LOCALHOST\r\n", out), 200);
    assert_int_equal(get(h, "GET /", "Host: [::1]:80\r\n", out), 200);
    assert_int_equal(get(h, "GET /", "Host: evil.example\r\n", out), 403);
    assert_int_equal(get(h, "GET /", "Host: 10.0.0.1\r\n", out), 403);
    assert_int_equal(get(h, "GET /", "Host: localhost.evil.example\r\n", out), 403);
    assert_int_equal(get(h, "GET /", "Host: localhost\r\nOrigin: http://localhost\r\n", out), 200);
    assert_int_equal(get(h, "GET /", "Host: localhost\r\nOrigin: null\r\n", out), 403);
    assert_int_equal(get(h, "GET /", "Host: localhost\r\nOrigin: http://localhost:81\r\n", out), 403);
    assert_int_equal(get(h, "POST /", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n", out), 403);
    assert_int_equal(get(h, "PUT /", "Host: localhost\r\nContent-Length: 0\r\n", out), 405);
    assert_int_equal(get(h, "GET /", "Host: localhost\r\nIf-None-Match: \"tag\"\r\n", out), 304);
    http_close(&h);
}

static void tokens(void **state)
{
    char out[8192];
    struct http *h = open_http("secret");
    (void)state;
    assert_int_equal(get(h, "GET /", "Host: localhost\r\n", out), 401);
    assert_int_equal(get(h, "GET /?token=secre", "Host: localhost\r\n", out), 401);
    assert_int_equal(get(h, "GET /?token=secretsecret", "Host: localhost\r\n", out), 401);
    assert_int_equal(get(h, "GET /?token=", "Host: localhost\r\n", out), 401);
    assert_int_equal(get(h, "GET /", "Host: localhost\r\nAuthorization: Bearer secret\r\n", out), 200);
    assert_int_equal(get(h, "GET /?token=secret", "Host: localhost\r\n", out), 200);
    assert_non_null(strstr(out, "HttpOnly; SameSite=Strict"));
    http_close(&h);
}

static void limits(void **state)
{
    char out[8192];
    struct buf big = {0};
    struct http *h = open_http(NULL);
    (void)state;
    buf_str(&big, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ");
    for (int i = 0; i < 9000; i++) buf_char(&big, 'a');
    buf_str(&big, "\r\n\r\n");
    assert_int_equal(ask(http_port(h), big.ptr, big.len, out), 431);
    assert_int_equal(ask(http_port(h), "\r\n\r\n\0\xff nonsense", 14, out) / 100 == 2, 0);
    assert_int_equal(get(h, "GET /%ff", "Host: localhost\r\n", out), 400);
    buf_clear(&big);
    buf_str(&big, "GET /?");
    for (int i = 0; i < 40; i++) buf_printf(&big, "a%d=1&", i);
    assert_int_equal(get(h, big.ptr, "Host: localhost\r\n", out), 400);
    assert_int_equal(get(h, "GET /", "Host: localhost\r\n", out), 200);
    buf_reset(&big);
    http_close(&h);
}

static void others_need_a_token(void **state)
{
    struct http_options o = {.bind = "0.0.0.0", .connections = 4, .route = route};
    struct http *h = NULL;
    struct error e;
    (void)state;
    assert_int_equal(http_open(&o, &h, &e), ERR_USAGE);
    assert_non_null(strstr(e.hint, "LAKEFM_SERVE_TOKEN"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_origins),
        cmocka_unit_test(tokens),
        cmocka_unit_test(limits),
        cmocka_unit_test(others_need_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
