/* Kafka → records in memory, in hauls that become one commit each.
 *
 * Where a partition is read from is what the lake's log says, never what Kafka says; the consumer group only shares out
 * partitions. Facts this rests on: docs/kafka.md.
 *
 *   kafka_open ── kafka_poll ── kafka_poll ── … ── kafka_cut ─▶ haul ─▶ (commit) ─▶ kafka_committed
 *
 * Threads: kafka_poll, kafka_cut, kafka_pause and kafka_close belong to one thread, the consumer's; callbacks run in it.
 * A haul is independent of its kafka and may be worked on by another thread; kafka_verify and kafka_committed may be
 * called by that thread at the same time.
 *
 * Records and lines: a record's final newlines are dropped; a newline inside a record becomes '\r' (as JSON the same: white
 * space between tokens, an error inside a string), so that each record is one line. Empty records are counted blank. */
#ifndef LAKEFM_INGEST_KAFKA_H
#define LAKEFM_INGEST_KAFKA_H

#include "base/buf.h"
#include "lake/lake.h"
#include "schema/contract.h"

#include <signal.h>

enum { KAFKA_PIECE_BYTES = 1 << 20, KAFKA_PIECE_LINES = 8192, KAFKA_PIECE_PAD = 64 };

struct kafka_setting {
    const char *name, *value; /* librdkafka's own names */
};

struct kafka_topic {
    const char *name; /* in Kafka */
    const struct contract *contract;
};

struct kafka_options {
    const struct kafka_setting *settings; /* bootstrap.servers among them */
    size_t setting_count;
    const struct kafka_topic *topics;
    size_t topic_count;
    const char *group;  /* NULL: all partitions are read here, without a group */
    bool until_end;     /* kafka_ended once all partitions have reached the end they had at kafka_open */
    bool accept_loss;   /* records that retention took before they were read: go on behind them, and say so in the haul */
    size_t queue_bytes; /* of librdkafka's queue, unless a setting says otherwise; 0: 64 MiB */
    volatile sig_atomic_t *stop;
    /* Called in kafka_poll and kafka_close when a partition is to be given away (or was lost): must return only when no
     * haul that holds it is being committed, nor will be (kafka_haul_drop). NULL: hauls are committed by the polling
     * thread. */
    void (*settle)(void *ctx, const struct kafka_topic *topic, int32_t partition);
    void *ctx;
};

struct kafka;
/* Connects (ERR_RETRY when no broker answers within 10 s), learns the cluster's id and the topics' ids. ERR_NOT_FOUND: no
 * such topic; ERR_USAGE: a setting that lakefm owns (enable.auto.commit …) or librdkafka does not know.
 * Options, lake and contracts are borrowed until kafka_close. */
enum err kafka_open(const struct kafka_options *options, struct lake *lake, struct kafka **out, struct error *e) MUST_CHECK;
void kafka_close(struct kafka **k); /* leaves the group; accepts NULL */

/* Serves Kafka for up to timeout_ms and adds what came to the current haul. Errors end the reading (nothing that was
 * handed out is wrong):
 *   ERR_CORRUPT    a topic was deleted, made anew, or lost records that were never read: names topic, partition, range
 *   ERR_INPUT      Kafka refused for good (authorization, unknown group …)
 *   ERR_RETRY      the reading must begin anew: drop what is not committed, kafka_close, kafka_open */
enum err kafka_poll(struct kafka *k, int timeout_ms, struct error *e) MUST_CHECK;
/* Stops or goes on fetching; polling must go on meanwhile. */
void kafka_pause(struct kafka *k, bool pause);
bool kafka_ended(const struct kafka *k); /* until_end: all is in hauls */
size_t kafka_bytes(const struct kafka *k); /* in the current haul */

struct kafka_span {
    int32_t partition;
    int64_t first, count;
};
/* Lines of one topic. */
struct kafka_piece {
    const struct contract *contract;
    struct buf text; /* KAFKA_PIECE_PAD more bytes are readable behind it */
    int64_t lines;
    struct kafka_span *spans;
    size_t span_count, span_cap;
};
/* A partition's share of a haul. */
struct kafka_part {
    const struct kafka_topic *topic;
    int32_t partition;
    char id[40];               /* topic id */
    int64_t first, next;       /* offsets read: [first, next) */
    int64_t records, rows, blank;
    int64_t lost;              /* offsets gone before `first`'s records, accepted: the position jumps over [first, first+lost) */
    struct lake_run *runs;     /* where offsets are missing */
    size_t run_count, run_cap;
    int64_t oldest_ms, newest_ms; /* Kafka's timestamps of the oldest and the newest record, -1: none */
    uint32_t index;            /* for the caller */
};
struct kafka_haul {
    struct kafka_piece *pieces;
    size_t piece_count, piece_cap;
    struct kafka_part *parts;
    size_t part_count, part_cap;
    int64_t records;
    size_t bytes;
    uint64_t first_ns; /* clock_mono_ns when its first record came */
};
/* Takes the current haul (possibly empty) and begins a new one. */
void kafka_cut(struct kafka *k, struct kafka_haul *out);
void kafka_haul_reset(struct kafka_haul *haul);
/* Removes a partition's records from a haul (another process has committed them). */
void kafka_haul_drop(struct kafka_haul *haul, const struct kafka_topic *topic, int32_t partition);

/* A partition with our position and the end of it known last. */
struct kafka_lag {
    const char *topic;
    int32_t partition;
    int64_t next, end;
};
/* The ends of topics' partitions, for lag displays without a consumer: asks a broker, at most timeout_ms. options: settings
 * and topics. ends is an array by mem_*, next is -1. ERR_RETRY: no broker answers. source: "kafka:<cluster id>", heap. */
enum err kafka_ends(const struct kafka_options *options, int timeout_ms, char **source, struct kafka_lag **ends, size_t *count,
                    struct error *e) MUST_CHECK;

/* Right before a commit: the topics of the haul are still those that were read. ERR_CORRUPT: made anew or deleted;
 * ERR_RETRY: no broker answers. */
enum err kafka_verify(struct kafka *k, const struct kafka_haul *haul, struct error *e) MUST_CHECK;
/* After a commit: tells Kafka the offsets, for the lag displays of others. Failures do not matter. */
void kafka_committed(struct kafka *k, const struct kafka_haul *haul);

/* "kafka:<cluster id>", the source's name in the log. Lives as long as k. */
const char *kafka_source_name(const struct kafka *k);
/* For metrics: the partitions that are assigned to us. */
size_t kafka_lags(struct kafka *k, struct kafka_lag **out); /* array by mem_*; any thread */

#endif
