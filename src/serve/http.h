/* Requests and answers over libmicrohttpd; this file's .c is the only one that includes it. */
#ifndef LAKEFM_SERVE_HTTP_H
#define LAKEFM_SERVE_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_QUERY = 32, HTTP_BODY_MOST = 1 << 20, HTTP_HEADER_MOST = 8 << 10 };

struct http_pair {
    const char *name, *value; /* value "" for a name alone */
};
struct http_request {
    const char *method, *path; /* path: decoded, starts with '/' */
    struct http_pair query[HTTP_QUERY];
    size_t query_count;
    const char *if_none_match, *accept_encoding, *last_event_id; /* NULL if absent */
    struct view body;
    bool loopback;             /* the peer's address */
};
const char *http_query(const struct http_request *r, const char *name); /* NULL if absent */

/* What a route makes. body is taken over. */
struct http_answer {
    int status;              /* 200 by default */
    const char *type;        /* content type, static text; JSON by default */
    struct buf body;
    struct view fixed;       /* instead of body: bytes that live for ever (assets); not copied */
    const char *encoding;    /* "gzip", "br": how body or fixed is encoded already; static text */
    char etag[48];           /* without quotes; "": none. A request that has it gets 304 */
    const char *cache;       /* Cache-Control; "no-cache" by default */
    char download[128];      /* file name for Content-Disposition; "": none */
    /* An endless answer (SSE): called by the connection's thread again and again; appends what is new (nothing is fine), false
     * at the end. */
    bool (*stream)(void *ctx, struct buf *out);
    void (*stream_free)(void *ctx);
    void *stream_ctx;
};
void http_error(struct http_answer *a, int status, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Runs in the connection's thread. */
typedef void http_route_fn(void *ctx, const struct http_request *r, struct http_answer *a);

struct http_options {
    const char *bind;
    uint16_t port;
    const char *token;    /* NULL: none */
    unsigned connections; /* at most; at most a quarter of them from one address that is not loopback */
    http_route_fn *route;
    void *ctx;
};
struct http;
/* Host must be the bound address, localhost or an IP literal of ours; Origin, when given, the same. With a token every
 * request needs it (Authorization: Bearer, ?token= once, then a cookie that scripts cannot read). */
enum err http_open(const struct http_options *o, struct http **out, struct error *e) MUST_CHECK;
uint16_t http_port(const struct http *h);
void http_close(struct http **h); /* streams must have ended; accepts NULL */

#endif
