/* What the files of the server share. */
#ifndef LAKEFM_SERVE_INTERNAL_H
#define LAKEFM_SERVE_INTERNAL_H

#include "serve/board.h"
#include "serve/cache.h"
#include "serve/data.h"
#include "serve/http.h"
#include "serve/hub.h"
#include "serve/serve.h"

#include <pthread.h>

struct serve {
    struct serve_options options;
    struct data *data;
    struct cache *cache;
    struct hub *hub;
    struct http *http;
    pthread_rwlock_t boards_lock;
    struct board_set *boards;
    struct hash128 boards_print;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    bool wake_now, leaving;
    pthread_t watcher;
    bool watching;
    pthread_mutex_t audit_lock; /* one audit at a time; its last word */
    char *audit_json;
    pthread_mutex_t status_lock; /* the status of a commit, made once */
    uint64_t status_of;
    struct buf status;
};

/* api.c: everything below /api/v1, and the health and metrics addresses. False: not an address of the API. */
bool serve_api(struct serve *s, const struct http_request *r, struct http_answer *a);
/* status.c */
void serve_status(struct serve *s, struct buf *out);
void serve_metrics(struct serve *s, struct buf *out);
void serve_audit(struct serve *s, bool again, struct http_answer *a);
/* pages.c: the page and its assets. */
void serve_page(struct serve *s, const struct http_request *r, struct http_answer *a);
/* docs.c: /lineage and /api/v1/docs/, from the dbt target folder (NULL: there is none). False: not an address of these. */
bool serve_docs(const char *folder, const struct http_request *r, struct http_answer *a);

#endif
