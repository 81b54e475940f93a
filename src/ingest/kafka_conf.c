#include "ingest/kafka_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Settings that the exactly-once reading rests on: not the user's to change. */
static const char *const owned[] = {"enable.auto.commit",    "enable.auto.offset.store", "auto.offset.reset",
                                    "enable.partition.eof",  "group.id",                 "enable.auto.commit.interval.ms",
                                    "partition.assignment.strategy", "isolation.level", NULL};

static enum err set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *e)
{
    char text[512];
    rd_kafka_conf_res_t r = rd_kafka_conf_set(conf, name, value, text, sizeof text);
    if (r == RD_KAFKA_CONF_OK) return ERR_OK;
    err_set(e, ERR_USAGE, "kafka.%s: %s", name, text);
    if (r == RD_KAFKA_CONF_UNKNOWN) err_hint(e, "settings below kafka. are librdkafka's: see its CONFIGURATION.md");
    return ERR_USAGE;
}

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
    (void)rk;
    log_line(level <= 2 ? LOG_WARN : LOG_DEBUG, "kafka: %s: %s", fac, text);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    /* A broker that is down says so every second: once a minute is enough. */
    static _Atomic uint64_t said;
    uint64_t now = clock_mono_ns();
    (void)rk, (void)opaque;
    if (said && now - said < 60000000000u) return;
    said = now;
    log_warn("kafka: %s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

enum err kafka_configure(rd_kafka_conf_t *conf, const struct kafka_options *options, struct error *e)
{
    enum err rc = ERR_OK;
    static const char *const ours[][2] = {
        {"client.id", "lakefm"},
        {"check.crcs", "true"},
        {"fetch.wait.max.ms", "100"},          /* freshness: an idle topic answers at once when something comes */
        {"queued.min.messages", "100000"},
        {"topic.metadata.refresh.interval.ms", "10000"}, /* new partitions are seen within this */
        {"allow.auto.create.topics", "false"},
        {"fetch.queue.backoff.ms", "5"}, /* a full queue is looked at again after this; librdkafka's second starves us */
    };
    static const char *const fixed[][2] = {
        {"enable.auto.commit", "false"},   {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},    {"isolation.level", "read_committed"},
        {"partition.assignment.strategy", "cooperative-sticky"},
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) TRY(set(conf, ours[i][0], ours[i][1], e));
    /* What is on its way comes on top of the queue, and is several times as much when it is unpacked. */
    size_t queue = options->queue_bytes ? options->queue_bytes : 64u << 20;
    size_t fetch = queue / 64 < 65536 ? 65536 : queue / 64;
    char text[24];
    snprintf(text, sizeof text, "%zu", queue / 1024);
    TRY(set(conf, "queued.max.messages.kbytes", text, e));
    snprintf(text, sizeof text, "%zu", fetch > 4u << 20 ? 4u << 20 : fetch);
    TRY(set(conf, "fetch.message.max.bytes", text, e));
    snprintf(text, sizeof text, "%zu", fetch * 8 > 52428800 ? (size_t)52428800 : fetch * 8);
    TRY(set(conf, "fetch.max.bytes", text, e));
    for (size_t i = 0; i < options->setting_count; i++) {
        const struct kafka_setting *s = &options->settings[i];
        for (size_t j = 0; owned[j]; j++)
            if (!strcmp(owned[j], s->name)) {
                err_set(e, ERR_USAGE, "kafka.%s cannot be set: exactly-once reading rests on it", s->name);
                if (!strcmp(s->name, "group.id")) err_hint(e, "the group's name is the setting group");
                return ERR_USAGE;
            }
        TRY(set(conf, s->name, s->value, e));
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) TRY(set(conf, fixed[i][0], fixed[i][1], e));
    /* librdkafka takes the event "end of partition" for a record when batches are consumed: a partition that is paused and
     * resumed after it (each cooperative rebalance does that) goes on one record too far. */
    TRY(set(conf, "enable.partition.eof", options->until_end ? "true" : "false", e));
    TRY(set(conf, "group.id", options->group ? options->group : "lakefm-unused", e));
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
done:
    return rc;
}
