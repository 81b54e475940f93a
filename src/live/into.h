/* Where a simulator's lines go without a file in between: into a lake, as bronze, commit by commit; or to Kafka. */
#ifndef LAKEFM_LIVE_INTO_H
#define LAKEFM_LIVE_INTO_H

#include "ingest/produce.h"
#include "lake/lake.h"
#include "schema/contract.h"
#include "simulate/simulate.h"

struct live_into_options {
    const struct schema_set *contracts;
    uint64_t batch_bytes; /* lines of one commit; 0: 1 GiB */
    int64_t interval_ms;  /* … or this long after its first line; 0: no limit */
    /* After each commit; an error ends the run. May be NULL. */
    enum err (*committed)(void *ctx, uint64_t number, struct error *e);
    void *ctx;
};
/* The sink's close commits what is left; dropping it without close is not possible. Lake and contracts are borrowed until
 * then; the lake must be open as a writer. ERR_NOT_FOUND: no contract for a topic of the simulator. */
enum err live_into_lake(struct lake *lake, const struct live_into_options *options, struct simulate_sink *out,
                        struct error *e) MUST_CHECK;

/* Commits what is due by interval_ms, when no lines come that would do it. In the thread that runs the simulator. */
enum err live_into_flush(struct simulate_sink *sink, struct error *e) MUST_CHECK;

struct live_kafka_options {
    struct produce_options produce;
    const char *prefix; /* before the topics' names; "" for none */
    bool keyed;         /* key = userId as decimal text where the line has one; else no key, as eventsim */
    struct produce_report *report; /* filled by close */
};
/* Values are the lines with their '\n', as eventsim sends them. close waits for all acknowledgements and fails (ERR_IO) when
 * one is missing. */
enum err live_into_kafka(const struct live_kafka_options *options, struct simulate_sink *out, struct error *e) MUST_CHECK;

#endif
