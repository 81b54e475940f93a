/* The live pipeline: Kafka (or a growing folder, or the simulator) → bronze and silver → gold, in one process. The only room
 * beside cli/ that puts verbs together.
 *
 *   consumer (the caller's thread)      worker                             builder            care
 *   kafka_poll ─▶ haul ──(due)──▶       refine, bronze, verify, commit ─▶  build, publish     compact, retire
 *
 * While a haul is being committed the next one fills; when both together pass the memory limit, fetching pauses. Nothing is
 * known to Kafka that the log does not know: kill -9 at any moment loses nothing and repeats nothing.
 * A full disk or a broker that is away pauses the pipeline, which says so and goes on by itself. When the ground under the
 * consumer has moved (another process has committed its partitions, a broker did not answer in a rebalance) it is closed, what
 * it held is dropped, and reading begins anew from the log's positions. */
#ifndef LAKEFM_LIVE_LIVE_H
#define LAKEFM_LIVE_LIVE_H

#include "ingest/kafka.h"
#include "lake/lake.h"
#include "refine/refine.h"
#include "simulate/simulate.h"

struct live_commit { /* told after each commit */
    uint64_t number;
    struct refine_totals totals;
    int64_t bytes;                /* raw */
    int64_t oldest_ms, newest_ms; /* Kafka's timestamps of its records, -1: unknown */
    uint64_t took_ns;             /* from the cut to the commit */
};
struct live_built {
    uint64_t number;   /* gold holds all of silver up to this commit */
    int64_t newest_ms; /* the newest record in it, as above; -1: unknown */
    uint64_t took_ns;
};

struct live_options {
    struct kafka_options kafka;
    struct refine_options refine; /* its stop and progress are not used */
    bool bronze_only;             /* no silver: the commits wait for a refine */
    int64_t interval_ms;          /* a batch is committed this long after its first record came; 0: 5000 */
    size_t batch_bytes;           /* … or when it holds this much; 0: 256 MiB */
    size_t memory_bytes;          /* both hauls together; 0: 512 MiB */
    int64_t retain_bronze_ms;     /* refined bronze that arrived longer ago goes, by whole days; 0: kept for ever */
    int64_t care_ms;              /* how often small files are looked for; 0: 5000; < 0: never */
    const volatile sig_atomic_t *reload; /* non-zero: end as at a stop, with ERR_OK. NULL: none */
    /* Gold after commits, in a thread of its own; several commits may be built at once. NULL: no gold. An error is logged
     * and it is tried again. While it runs no file is compacted away. */
    enum err (*build)(void *ctx, struct error *e);
    void (*committed)(void *ctx, const struct live_commit *commit); /* may be NULL; the worker's thread */
    void (*built)(void *ctx, const struct live_built *built);       /* may be NULL; the builder's thread */
    /* Reading begins, or ends (NULL): k lives until it is called with NULL, which waits for the answer. May be NULL. */
    void (*reading)(void *ctx, struct kafka *k);
    void (*tick)(void *ctx); /* the consumer's thread, at least once a second; may be NULL */
    void *ctx;
};

/* Runs until *options.kafka.stop is set (then commits what was read and returns ERR_OK), until the end (kafka.until_end), or
 * until something needs a person. The lake must be open as a writer, shared when other processes write too. */
enum err live_run(struct lake *lake, const struct live_options *options, struct error *e) MUST_CHECK;

/* The same with a folder as the source: every interval new files and what grew are taken as `ingest` takes them (but an
 * unfinished last line waits for its end), refined, built. options.kafka: only stop. */
enum err live_run_folder(struct lake *lake, const char *folder, const struct live_options *options, struct error *e) MUST_CHECK;
/* … or with the simulator: events as their time comes. Each start is a stream of its own. */
enum err live_run_simulator(struct lake *lake, const struct simulate_options *simulate, double speed,
                            const struct live_options *options, struct error *e) MUST_CHECK;

#endif
