/* Answers that were made once: the same SQL on the same commit with the same values is the same answer. Bounded by bytes; the
 * one not asked for longest goes first. Two who ask for the same at once wait for one making. Thread-safe. */
#ifndef LAKEFM_SERVE_CACHE_H
#define LAKEFM_SERVE_CACHE_H

#include "base/buf.h"

#include <stdbool.h>

enum { CACHE_KEY = 48 };

struct cache;
/* bytes: of all answers; one of more than an eighth of it is not kept. */
struct cache *cache_new(size_t bytes);
void cache_free(struct cache **c); /* nobody may be inside; accepts NULL */

/* key: shorter than CACHE_KEY. True: the answer is appended to out. False: it is the caller's to make, and he must call cache_put or cache_drop for the key;
 * others who ask for it wait for that. */
bool cache_get(struct cache *c, const char *key, struct buf *out);
void cache_put(struct cache *c, const char *key, const struct buf *answer); /* copied */
void cache_drop(struct cache *c, const char *key);                          /* it could not be made */

#endif
