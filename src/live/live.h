/* The live pipeline: Kafka → bronze and silver in one commit → gold, in one process. The only room beside cli/ that puts
 * verbs together.
 *
 *   consumer (the caller's thread)      worker                          builder
 *   kafka_poll ─▶ haul ──(due)──▶       verify, refine, bronze, commit ─▶ build
 *
 * While a haul is being committed the next one fills; when both together pass the memory limit, fetching pauses. Nothing is
 * known to Kafka that the log does not know: kill -9 at any moment loses nothing and repeats nothing.
 * A full disk or a broker that is away pauses the pipeline, which says so and goes on by itself. */
#ifndef LAKEFM_LIVE_LIVE_H
#define LAKEFM_LIVE_LIVE_H

#include "ingest/kafka.h"
#include "lake/lake.h"
#include "refine/refine.h"

struct live_commit { /* told after each commit */
    uint64_t number;
    struct refine_totals totals;
    int64_t bytes;         /* raw */
    int64_t newest_ms;     /* Kafka's timestamp of its newest record, -1: unknown */
    uint64_t took_ns;      /* from the cut to the commit */
};

struct live_options {
    struct kafka_options kafka;
    struct refine_options refine; /* its stop and progress are not used */
    int64_t interval_ms;          /* a batch is committed this long after its first record came; 0: 5000 */
    size_t batch_bytes;           /* … or when it holds this much; 0: 256 MiB */
    size_t memory_bytes;          /* both hauls together; 0: 512 MiB */
    /* Gold after commits, in a thread of its own; several commits may be built at once. NULL: no gold. An error is logged and
     * the next commit tries again. */
    enum err (*build)(void *ctx, struct error *e);
    void (*committed)(void *ctx, const struct live_commit *commit); /* may be NULL; the worker's thread */
    void (*built)(void *ctx, uint64_t number, int64_t newest_ms, uint64_t took_ns); /* may be NULL; the builder's thread */
    void (*ready)(void *ctx, struct kafka *k); /* once, when reading begins; k lives until live_run returns; may be NULL */
    void *ctx;
};

/* Runs until *options.kafka.stop is set (then commits what was read and returns ERR_OK), until the end (kafka.until_end), or
 * until something needs a person. The lake must be open as a writer, shared when other processes write too. */
enum err live_run(struct lake *lake, const struct live_options *options, struct error *e) MUST_CHECK;

#endif
