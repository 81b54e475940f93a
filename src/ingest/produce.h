/* Lines → Kafka: an idempotent producer that counts what was acknowledged. Beside the consumer because this room is the
 * only one that knows librdkafka. One thread at a time. */
#ifndef LAKEFM_INGEST_PRODUCE_H
#define LAKEFM_INGEST_PRODUCE_H

#include "ingest/kafka.h"

struct produce_options {
    const struct kafka_setting *settings; /* bootstrap.servers among them */
    size_t setting_count;
};
struct produce_report {
    uint64_t sent, acknowledged, failed;
    char first_failure[256]; /* "" if none */
};

struct produce;
enum err produce_open(const struct produce_options *options, struct produce **out, struct error *e) MUST_CHECK;
/* One record; value and key (NULL: none) are copied. When the producer's queue is full, waits for room. ERR_IO as soon as it is
 * known that one before it was not acknowledged: there is no use in going on. */
enum err produce_send(struct produce *p, const char *topic, const char *key, size_t key_len, const char *value, size_t len,
                      struct error *e) MUST_CHECK;
/* Waits until everything sent is acknowledged or has failed for good (librdkafka's message.timeout.ms). ERR_IO when one
 * record was not acknowledged: the message says how many and why. */
enum err produce_finish(struct produce *p, struct produce_report *report, struct error *e) MUST_CHECK;
void produce_close(struct produce **p); /* accepts NULL */

#endif
