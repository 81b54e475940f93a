/* The live page and its API: one HTTP server over a lake's gold, silver and status. docs/api.md and openapi.yml describe the
 * API; tests hold them true.
 *
 * Threads: serve_open starts the server and a watcher; they end in serve_close. A connection has a thread of its own (a slow
 * reader keeps only itself waiting), their number is limited. Nothing here takes a lock of the pipeline: the lake is read
 * through its log.
 *
 * Security: binds loopback unless a token is given; Host and Origin are checked; no CORS; no inline script; headers
 * ≤ 8 KiB, bodies ≤ 1 MiB, time-outs; SQL only as one SELECT over the lake's own files, and only when console is on. */
#ifndef LAKEFM_SERVE_SERVE_H
#define LAKEFM_SERVE_SERVE_H

#include "base/err.h"
#include "lake/lake.h"
#include "schema/contract.h"

#include <stdint.h>

struct serve_options {
    const char *lake_url;
    const struct schema_set *contracts; /* lives as long as the server */
    const char *bind;       /* "127.0.0.1" */
    uint16_t port;          /* 0: any free one */
    const char *token;      /* NULL: none; needed for an address that is not loopback */
    const char *dashboards; /* folder of *.yml beside those built in; NULL: none */
    const char *docs_folder; /* dbt target folder that /lineage shows; NULL: that of the lake's own builds */
    bool console;
    unsigned connections;   /* at most; 0: 256 */
    uint64_t memory_bytes;  /* of its queries; 0: 512 MiB */
    int64_t poll_ms;        /* how often the log is looked at; 0: 500 */
    /* More lines for /metrics (lag by partition …); may be NULL. Any thread. */
    void (*metrics)(void *ctx, struct buf *out);
    /* For /readyz: false, with a reason appended, while there is no use in asking. May be NULL. Any thread. */
    bool (*ready)(void *ctx, struct buf *why);
    void *ctx;
};

struct serve;
/* ERR_USAGE: an address that is not loopback without a token; ERR_BUSY: the port is taken. */
enum err serve_open(const struct serve_options *options, struct serve **out, struct error *e) MUST_CHECK;
uint16_t serve_port(const struct serve *s);
/* A commit was made by this process: look now, not at the next poll. Any thread. */
void serve_wake(struct serve *s);
void serve_close(struct serve **s); /* accepts NULL */

/* Only the lineage page (at / and /lineage) and the artifacts in docs_folder, which must be given; no lake. Of the options it
 * takes bind, port, token and connections (0: 64). Files are read when asked for: they may come and change meanwhile. Errors
 * as serve_open. */
struct serve_docs;
enum err serve_docs_open(const struct serve_options *options, struct serve_docs **out, struct error *e) MUST_CHECK;
uint16_t serve_docs_port(const struct serve_docs *s);
void serve_docs_close(struct serve_docs **s); /* accepts NULL */

#endif
