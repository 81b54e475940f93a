/* What a running `lakefm run` knows of itself: counted as commits come, shown as /metrics, as the line on a terminal, as
 * readiness. Thread-safe. */
#ifndef LAKEFM_CLI_FIGURES_H
#define LAKEFM_CLI_FIGURES_H

#include "base/buf.h"
#include "live/live.h"

#include <pthread.h>

struct figures {
    pthread_mutex_t lock;
    struct kafka *k; /* while it reads */
    bool from_kafka, gold;
    uint64_t started_ns;
    /* since the start of this process */
    int64_t records, rows, bytes, duplicates, quarantined;
    uint64_t commits, builds, commit_ns, build_ns; /* summed durations */
    uint64_t last_commit_ns, last_build_ns;
    uint64_t number;   /* of the last commit */
    int64_t newest_ms; /* the newest event in gold (in silver when there is no gold), -1: none yet */
    /* for the rate: records at the last few seconds */
    struct {
        uint64_t ns;
        int64_t records;
    } mark[16];
    unsigned marks;
};
void figures_init(struct figures *f, bool from_kafka, bool gold);
void figures_reset(struct figures *f);
void figures_reading(struct figures *f, struct kafka *k); /* NULL: not any more */
void figures_commit(struct figures *f, const struct live_commit *c);
void figures_built(struct figures *f, const struct live_built *b);
void figures_tick(struct figures *f); /* about once a second: for the rate */

/* Prometheus' text format; names in docs/operations.md. */
void figures_metrics(struct figures *f, struct buf *out);
/* False while Kafka is not read: why says so. */
bool figures_ready(struct figures *f, struct buf *why);
/* "commit 12  1,234 records  567/s  lag 89  gold 1.2 s old" */
void figures_line(struct figures *f, struct buf *out);

#endif
