#include "serve/http.h"

#include "base/hash.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum { TIMEOUT_S = 30, STACK_BYTES = 512 * 1024, COMPRESS_FROM = 1024 };

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    uint16_t port;
    char cookie[HASH_HEX_SIZE]; /* random, of this process: who has shown the token once */
};

/* One request on its way in. */
struct incoming {
    struct buf body;
    bool too_big;
};

const char *http_query(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->query_count; i++)
        if (!strcmp(r->query[i].name, name)) return r->query[i].value;
    return NULL;
}

void http_error(struct http_answer *a, int status, const char *code, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_clear(&a->body);
    a->status = status;
    a->type = NULL;
    a->etag[0] = a->download[0] = '\0';
    buf_printf(&a->body, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    buf_json(&a->body, text, strlen(text));
    buf_str(&a->body, "}}\n");
}

/* ---- who may ask ---- */

/* Host without its port is one of: the bind address, localhost, a loopback or (with a token) any IP literal. A name that an
 * attacker's DNS points here is none of them: no DNS rebinding. */
static bool host_is_ours(const struct http *h, const char *host)
{
    char name[256];
    size_t n = strlen(host);
    if (n >= sizeof name) return false;
    memcpy(name, host, n + 1);
    char *end = name[0] == '[' ? strchr(name, ']') : NULL, *colon = strchr(end ? end : name, ':');
    if (colon) *colon = '\0';
    if (end) {
        *end = '\0';
        memmove(name, name + 1, strlen(name + 1) + 1);
    }
    struct in_addr v4;
    struct in6_addr v6;
    if (!strcasecmp(name, "localhost") || !strcmp(name, h->options.bind)) return true;
    if (inet_pton(AF_INET, name, &v4) == 1) return h->options.token || (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, name, &v6) == 1) return h->options.token || IN6_IS_ADDR_LOOPBACK(&v6);
    return h->options.token != NULL; /* behind a name of the user's own; the token guards */
}

static bool same_text(const char *a, const char *b)
{
    /* No early end: the time tells nothing about the token. */
    size_t n = strlen(a), m = strlen(b);
    unsigned char differ = n != m;
    for (size_t i = 0; i < n; i++) differ |= (unsigned char)(a[i] ^ b[m ? i % m : 0]);
    return !differ;
}

static bool has_token(const struct http *h, struct MHD_Connection *c, const struct http_request *r)
{
    const char *auth = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
    const char *cookie = MHD_lookup_connection_value(c, MHD_COOKIE_KIND, "lakefm");
    const char *given = http_query(r, "token");
    if (!h->options.token) return true;
    if (auth && str_starts(auth, "Bearer ") && same_text(auth + 7, h->options.token)) return true;
    if (cookie && same_text(cookie, h->cookie)) return true;
    return given && same_text(given, h->options.token);
}

static bool check(const struct http *h, struct MHD_Connection *c, const struct http_request *r, struct http_answer *a)
{
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
    const char *origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
    const char *site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");
    if (!host || !host_is_ours(h, host)) {
        http_error(a, 403, "host", "this server does not answer to the name %.200s", host ? host : "(none)");
        return false;
    }
    const char *at = origin ? strstr(origin, "://") : NULL;
    if (origin && (!at || strcmp(at + 3, host))) {
        http_error(a, 403, "origin", "requests from %.200s are not allowed", origin);
        return false;
    }
    if (site && !strcmp(site, "cross-site") && strcmp(r->method, "GET")) {
        http_error(a, 403, "origin", "requests from other sites are not allowed");
        return false;
    }
    if (!has_token(h, c, r)) {
        http_error(a, 401, "token", "a token is needed: open the page with ?token=…, or send Authorization: Bearer …");
        return false;
    }
    return true;
}

/* ---- answers ---- */

static bool accepts(const char *header, const char *encoding)
{
    for (const char *p = header; p && (p = strstr(p, encoding)); p += strlen(encoding)) {
        const char *behind = p + strlen(encoding);
        bool word = (p == header || !isalnum((unsigned char)p[-1])) && !isalnum((unsigned char)*behind);
        while (*behind == ' ') behind++;
        if (word && !str_starts(behind, ";q=0,") && strcmp(behind, ";q=0")) return true;
    }
    return false;
}

static void gzip_body(struct http_answer *a)
{
    z_stream z = {0};
    struct buf packed = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return;
    uLong bound = deflateBound(&z, a->body.len);
    z.next_in = (Bytef *)a->body.ptr;
    z.avail_in = (uInt)a->body.len;
    z.next_out = (Bytef *)buf_reserve(&packed, bound);
    z.avail_out = (uInt)bound;
    int r = deflate(&z, Z_FINISH);
    packed.len = bound - z.avail_out;
    deflateEnd(&z);
    if (r != Z_STREAM_END || packed.len >= a->body.len) {
        buf_reset(&packed);
        return;
    }
    buf_reset(&a->body);
    a->body = packed;
    a->encoding = "gzip";
}

struct stream {
    struct http_answer answer; /* stream, stream_free, stream_ctx */
    struct buf pending;
    size_t at;
    bool ended;
};

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct stream *s = cls;
    (void)pos;
    while (s->at == s->pending.len) {
        if (s->ended) return MHD_CONTENT_READER_END_OF_STREAM;
        buf_clear(&s->pending);
        s->at = 0;
        s->ended = !s->answer.stream(s->answer.stream_ctx, &s->pending);
    }
    size_t n = s->pending.len - s->at < max ? s->pending.len - s->at : max;
    memcpy(out, s->pending.ptr + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static void stream_free(void *cls)
{
    struct stream *s = cls;
    if (s->answer.stream_free) s->answer.stream_free(s->answer.stream_ctx);
    buf_reset(&s->pending);
    mem_free(s);
}

static void header(struct MHD_Response *r, const char *name, const char *value) { MHD_add_response_header(r, name, value); }

static void security_headers(struct MHD_Response *r)
{
    header(r, "Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src "
           "'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'");
    header(r, "X-Content-Type-Options", "nosniff");
    header(r, "Referrer-Policy", "no-referrer");
    header(r, "Cross-Origin-Resource-Policy", "same-origin");
    header(r, "X-Frame-Options", "SAMEORIGIN");
}

static struct MHD_Response *make_response(struct http_answer *a)
{
    if (a->stream) {
        struct stream *s = mem_zalloc(sizeof *s);
        s->answer = *a;
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, stream_read, s, stream_free);
    }
    if (a->fixed.ptr)
        return MHD_create_response_from_buffer(a->fixed.len, (void *)(uintptr_t)a->fixed.ptr, MHD_RESPMEM_PERSISTENT);
    size_t len = a->body.len;
    char *bytes = buf_take(&a->body);
    return MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result send_answer(const struct http *h, struct MHD_Connection *c, const struct http_request *r, struct http_answer *a)
{
    char text[512];
    bool compressible = !a->stream && !a->fixed.ptr && !a->encoding && a->body.len >= COMPRESS_FROM;
    if (!a->status) a->status = 200;
    if (a->etag[0] && r->if_none_match && strstr(r->if_none_match, a->etag) && a->status == 200) {
        buf_clear(&a->body);
        a->fixed = (struct view){0};
        a->status = 304;
        compressible = false;
    }
    if (compressible && accepts(r->accept_encoding, "gzip")) gzip_body(a);
    struct MHD_Response *response = make_response(a);
    if (!response) return MHD_NO;
    if (a->status != 304) header(response, "Content-Type", a->type ? a->type : "application/json; charset=utf-8");
    if (a->encoding && a->status != 304) header(response, "Content-Encoding", a->encoding);
    header(response, "Vary", "Accept-Encoding");
    header(response, "Cache-Control", a->cache ? a->cache : "no-cache");
    if (a->etag[0]) {
        snprintf(text, sizeof text, "\"%s\"", a->etag);
        header(response, "ETag", text);
    }
    if (a->download[0]) {
        snprintf(text, sizeof text, "attachment; filename=\"%s\"", a->download);
        header(response, "Content-Disposition", text);
    }
    if (h->options.token && http_query(r, "token") && a->status == 200) {
        snprintf(text, sizeof text, "lakefm=%s; HttpOnly; SameSite=Strict; Path=/", h->cookie);
        header(response, "Set-Cookie", text);
    }
    security_headers(response);
    enum MHD_Result sent = MHD_queue_response(c, (unsigned)a->status, response);
    MHD_destroy_response(response);
    return sent;
}

/* ---- requests ---- */

static enum MHD_Result add_query(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct http_request *r = cls;
    (void)kind;
    if (r->query_count == HTTP_QUERY) return MHD_NO;
    r->query[r->query_count++] = (struct http_pair){name, value ? value : ""};
    return MHD_YES;
}

static bool is_loopback(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr) return false;
    if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, info->client_addr, sizeof in);
        return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, info->client_addr, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static size_t header_bytes(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    struct http *h = cls;
    struct incoming *in = *state;
    (void)version;
    if (!in) {
        *state = mem_zalloc(sizeof *in);
        return MHD_YES;
    }
    if (*upload_size) {
        if (in->body.len + *upload_size > HTTP_BODY_MOST) in->too_big = true;
        else buf_add(&in->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    struct http_request r = {.method = method,
                             .path = url,
                             .if_none_match = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match"),
                             .accept_encoding = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Encoding"),
                             .last_event_id = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID"),
                             .body = view_from(in->body.ptr ? in->body.ptr : "", in->body.len),
                             .loopback = is_loopback(c)};
    struct http_answer a = {0};
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_query, &r);
    bool head = !strcmp(method, "HEAD");
    if (head) r.method = "GET";
    if (!utf8_valid(url, strlen(url)) || strlen(url) > 2048) http_error(&a, 400, "path", "the path is not valid");
    else if (header_bytes(c) > HTTP_HEADER_MOST) http_error(&a, 431, "headers", "a request's headers are %d bytes at most", HTTP_HEADER_MOST);
    else if (r.query_count == HTTP_QUERY) http_error(&a, 400, "query", "too many parameters");
    else if (in->too_big) http_error(&a, 413, "body", "a request's body is %d bytes at most", HTTP_BODY_MOST);
    else if (strcmp(r.method, "GET") && strcmp(r.method, "POST")) http_error(&a, 405, "method", "only GET, HEAD and POST are known");
    else if (check(h, c, &r, &a)) h->options.route(h->options.ctx, &r, &a);
    if (head && a.stream) {
        a.stream_free(a.stream_ctx);
        a.stream = NULL;
    }
    enum MHD_Result sent = send_answer(h, c, &r, &a);
    buf_reset(&a.body);
    return sent;
}

static void on_done(void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    struct incoming *in = *state;
    (void)cls, (void)c, (void)code;
    if (!in) return;
    buf_reset(&in->body);
    mem_free(in);
    *state = NULL;
}

static void on_log(void *cls, const char *fmt, va_list ap) { (void)cls, (void)fmt, (void)ap; }

/* ---- start ---- */

static bool host_is_loopback(const char *bind)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, bind, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
    return !strcasecmp(bind, "localhost") || (inet_pton(AF_INET6, bind, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

static bool address_is_loopback(const struct sockaddr *a)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (a->sa_family == AF_INET) return memcpy(&in, a, sizeof in), (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    return a->sa_family == AF_INET6 && (memcpy(&in6, a, sizeof in6), IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr));
}

static enum err listen_on(const struct http_options *o, int *fd, uint16_t *port, struct error *e)
{
    enum err rc = ERR_OK;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    char service[8];
    int on = 1, r;
    *fd = -1;
    snprintf(service, sizeof service, "%u", (unsigned)o->port);
    if ((r = getaddrinfo(o->bind, service, &hints, &found))) {
        rc = err_set(e, ERR_USAGE, "serve.bind %s: %s", o->bind, gai_strerror(r));
        goto done;
    }
    if (!o->token && !address_is_loopback(found->ai_addr)) {
        err_set(e, ERR_USAGE, "%s can be reached by others, and no token is set", o->bind);
        rc = err_hint(e, "set LAKEFM_SERVE_TOKEN to a secret, or bind 127.0.0.1");
        goto done;
    }
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0) TRY(err_sys(e, errno, "cannot make a socket"));
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(*fd, found->ai_addr, found->ai_addrlen) || listen(*fd, 256)) {
        int sys = errno;
        err_sys(e, sys, "cannot listen on %s:%u", o->bind, (unsigned)o->port);
        rc = sys == EADDRINUSE ? ERR_BUSY : e ? e->code : ERR_IO;
        if (e) e->code = rc;
        if (sys == EADDRINUSE) err_hint(e, "another program has the port: say --set serve.port=0 or another number");
        goto done;
    }
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    getsockname(*fd, (struct sockaddr *)&bound, &len);
    *port = ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port : ((struct sockaddr_in6 *)&bound)->sin6_port);
done:
    if (found) freeaddrinfo(found);
    if (rc != ERR_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

enum err http_open(const struct http_options *o, struct http **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct http *h = mem_zalloc(sizeof *h);
    int fd;
    h->options = *o;
    struct hash128 random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) TRY(err_sys(e, errno, "no random numbers"));
    hash_hex(random, h->cookie);
    TRY(listen_on(o, &fd, &h->port, e));
    /* Loopback is one address for all who are on this machine. */
    unsigned per_address = o->token && !host_is_loopback(o->bind) ? (o->connections + 3) / 4 : 0;
    h->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG |
                                     MHD_USE_ITC,
                                 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(HTTP_HEADER_MOST + 24 * 1024), MHD_OPTION_THREAD_STACK_SIZE,
                                 (size_t)STACK_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address, MHD_OPTION_END);
    if (!h->daemon) {
        close(fd);
        rc = err_set(e, ERR_IO, "the HTTP server does not start");
        goto done;
    }
    *out = h;
done:
    if (rc != ERR_OK) mem_free(h);
    return rc;
}

uint16_t http_port(const struct http *h) { return h->port; }

void http_close(struct http **http)
{
    struct http *h = *http;
    if (!h) return;
    MHD_stop_daemon(h->daemon);
    mem_free(h);
    *http = NULL;
}
