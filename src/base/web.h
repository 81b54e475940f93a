/* HTTP as a client, over libcurl. The library is loaded when the first client is opened (libcurl.so.4, any TLS flavour), so
 * that lakefm starts without it and can be copied to a machine that lacks it; ERR_UNSUPPORTED says what to install.
 *
 * A client keeps its connections alive between requests and has one request at a time: one thread at a time. web_stop may be
 * called from a signal's flag (`stop`). The proxy variables of the environment hold, but never for loopback addresses.
 *
 * An answer of any status is ERR_OK: judge by reply.status. Errors of the way: ERR_RETRY (refused, reset, timed out, no such
 * host), ERR_STOPPED, ERR_IO (the body could not be written or read), ERR_INPUT (an address that is none, or a certificate that
 * is not trusted). */
#ifndef LAKEFM_BASE_WEB_H
#define LAKEFM_BASE_WEB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <signal.h>
#include <stdint.h>

struct web_client;

struct web_options {
    const char *user, *password;       /* Basic authentication; NULL user: none */
    int64_t connect_ms;                /* 0: 10000 */
    int64_t silent_ms;                 /* nothing sent or received for so long: ERR_RETRY; 0: 60000 */
    const volatile sig_atomic_t *stop; /* non-zero: ERR_STOPPED */
};
enum err web_open(const struct web_options *options, struct web_client **out, struct error *e) MUST_CHECK;
void web_close(struct web_client **client); /* accepts NULL */

struct web_request {
    const char *method;                /* "GET" … */
    const char *url;
    const char *const *headers;        /* "Name: value"; NULL-terminated, may be NULL */
    struct view body;                  /* sent when ptr is not NULL … */
    const char *body_path;             /* … or this local file, streamed … */
    enum err (*body_more)(void *ctx, struct buf *out, struct error *e); /* … or chunked: appends more, nothing at the end */
    void *body_ctx;
    bool once;                         /* never sent twice: libcurl repeats what a kept connection swallowed without an answer,
                                        * so a new connection is made */
    int64_t total_ms;                  /* for the whole request; 0: no limit */
    uint64_t reply_bytes;              /* a longer body is ERR_IO; 0: 64 MiB */
    /* Takes the body of a 2xx answer in pieces, of any length; reply.body stays empty then. */
    enum err (*reply_more)(void *ctx, const char *p, size_t len, struct error *e);
    void *reply_ctx;
};
struct web_reply {
    long status;
    struct buf body, headers; /* headers: lines as received, '\n' between */
};
/* reply is reset first; give it to web_reply_reset in the end. */
enum err web_send(struct web_client *client, const struct web_request *request, struct web_reply *reply,
                  struct error *e) MUST_CHECK;
void web_reply_reset(struct web_reply *reply);
/* The value of a header (any case), trimmed, valid as long as the reply; {NULL, 0}: not there. */
struct view web_reply_header(const struct web_reply *reply, const char *name);
/* Percent-encodes all but RFC 3986's unreserved characters; appends. */
void web_escape(struct buf *out, const char *text, size_t len);

#endif
