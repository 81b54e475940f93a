/* For the tests of whole runs: a sink that keeps what it gets, and one call for open, run, close. */
#ifndef LAKEFM_SIMULATE_RUN_TEST_H
#define LAKEFM_SIMULATE_RUN_TEST_H

#include "base/test.h"

#include "base/hash.h"
#include "base/mem.h"
#include "simulate/simulate.h"

#include <string.h>

#define GOLDEN "tests/golden/eventsim/"

struct kept {
    bool want_bytes;
    struct buf bytes[SIMULATE_TOPICS];
    struct hasher *hash[SIMULATE_TOPICS];
    struct simulate_stats stats;
};

static enum err kept_write(void *ctx, const struct simulate_batch *b, const struct buf *encoded, struct error *e)
{
    struct kept *k = ctx;
    (void)encoded, (void)e;
    if (b->bytes[b->len - 1] != '\n') fail_msg("a batch that does not end with a line");
    hasher_add(k->hash[b->topic], b->bytes, b->len);
    if (k->want_bytes) buf_add(&k->bytes[b->topic], b->bytes, b->len);
    return ERR_OK;
}

static inline void kept_init(struct kept *k, bool want_bytes)
{
    *k = (struct kept){.want_bytes = want_bytes};
    for (int t = 0; t < SIMULATE_TOPICS; t++) k->hash[t] = hasher_new();
}

static inline void kept_reset(struct kept *k)
{
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        hasher_free(&k->hash[t]);
        buf_reset(&k->bytes[t]);
    }
}

static inline bool kept_same(const struct kept *a, const struct kept *b)
{
    bool same = true;
    for (int t = 0; t < SIMULATE_TOPICS; t++) same = same && hash_eq(hasher_sum(a->hash[t]), hasher_sum(b->hash[t]));
    return same;
}

static inline void set_span(struct simulate_options *o, const char *from, const char *to)
{
    struct error e;
    o->has_from = o->has_to = true;
    assert_ok(simulate_time_parse(from, &o->from, &e), &e);
    assert_ok(simulate_time_parse(to, &o->to, &e), &e);
}

static inline void run_kept(const struct simulate_options *o, struct kept *k)
{
    struct error e = {0};
    struct simulate *s = NULL;
    struct simulate_sink sink = {.ctx = k, .write = kept_write};
    assert_ok(simulate_open(o, &s, &e), &e);
    assert_ok(simulate_run(s, &sink, NULL, &e), &e);
    k->stats = *simulate_stats(s);
    simulate_free(&s);
}

#endif
