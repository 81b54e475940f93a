#include "ingest/produce.h"

#include "base/mem.h"

#include <rdkafka.h>
#include <stdio.h>
#include <string.h>

enum { TOPICS = 32 };

struct produce {
    rd_kafka_t *rk;
    struct produce_report report; /* changed by the delivery callback, which runs in our calls of poll and flush */
    struct {
        char *name;
        rd_kafka_topic_t *rkt;
    } topic[TOPICS];
    size_t topic_count;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct produce *p = opaque;
    (void)rk;
    if (!m->err) {
        p->report.acknowledged++;
        return;
    }
    if (!p->report.failed++) snprintf(p->report.first_failure, sizeof p->report.first_failure, "%s", rd_kafka_err2str(m->err));
}

enum err produce_open(const struct produce_options *options, struct produce **out, struct error *e)
{
    enum err rc = ERR_OK;
    char text[512];
    struct produce *p = mem_zalloc(sizeof *p);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    static const char *const ours[][2] = {{"client.id", "lakefm"},
                                          {"linger.ms", "20"},
                                          {"batch.size", "1000000"},
                                          {"compression.type", "lz4"},
                                          {"queue.buffering.max.kbytes", "131072"},
                                          {"queue.buffering.max.messages", "500000"}};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) rd_kafka_conf_set(conf, ours[i][0], ours[i][1], NULL, 0);
    for (size_t i = 0; i < options->setting_count; i++)
        if (rd_kafka_conf_set(conf, options->settings[i].name, options->settings[i].value, text, sizeof text) != RD_KAFKA_CONF_OK) {
            rc = err_set(e, ERR_USAGE, "kafka.%s: %s", options->settings[i].name, text);
            goto done;
        }
    /* Each record once, in order, acknowledged by all in-sync replicas. */
    rd_kafka_conf_set(conf, "enable.idempotence", "true", NULL, 0);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!p->rk) {
        rc = err_set(e, ERR_USAGE, "Kafka: %s", text);
        goto done;
    }
    conf = NULL;
    *out = p;
done:
    if (conf) rd_kafka_conf_destroy(conf);
    if (rc != ERR_OK) produce_close(&p);
    return rc;
}

static rd_kafka_topic_t *topic_of(struct produce *p, const char *name)
{
    for (size_t i = 0; i < p->topic_count; i++)
        if (!strcmp(p->topic[i].name, name)) return p->topic[i].rkt;
    if (p->topic_count == TOPICS) return NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(p->rk, name, NULL);
    if (!rkt) return NULL;
    p->topic[p->topic_count].name = mem_strdup(name);
    p->topic[p->topic_count++].rkt = rkt;
    return rkt;
}

static enum err not_acknowledged(const struct produce_report *r, struct error *e)
{
    err_set(e, ERR_IO, "%llu of %llu records were not acknowledged: %s", (unsigned long long)(r->sent - r->acknowledged),
            (unsigned long long)r->sent, r->first_failure[0] ? r->first_failure : "unknown reason");
    err_hint(e, "what was acknowledged is in Kafka; the rest is not");
    return ERR_IO;
}

enum err produce_send(struct produce *p, const char *topic, const char *key, size_t key_len, const char *value, size_t len,
                      struct error *e)
{
    rd_kafka_topic_t *rkt = topic_of(p, topic);
    if (!rkt) return err_set(e, ERR_INPUT, "Kafka: topic %s: %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
    while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value, len, key, key_len, NULL)) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return err_set(e, ERR_IO, "Kafka: topic %s: %s", topic, rd_kafka_err2str(code));
        rd_kafka_poll(p->rk, 100);
        if (p->report.failed) return not_acknowledged(&p->report, e);
    }
    if (++p->report.sent % 1024 == 0) rd_kafka_poll(p->rk, 0);
    return p->report.failed ? not_acknowledged(&p->report, e) : ERR_OK;
}

enum err produce_finish(struct produce *p, struct produce_report *report, struct error *e)
{
    while (rd_kafka_outq_len(p->rk) > 0) {
        rd_kafka_flush(p->rk, 500);
        if (p->report.failed) rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE); /* the rest would only wait for its time-out */
    }
    *report = p->report;
    return report->acknowledged == report->sent ? ERR_OK : not_acknowledged(report, e);
}

void produce_close(struct produce **produce)
{
    struct produce *p = *produce;
    if (!p) return;
    for (size_t i = 0; i < p->topic_count; i++) {
        rd_kafka_topic_destroy(p->topic[i].rkt);
        mem_free(p->topic[i].name);
    }
    if (p->rk) rd_kafka_destroy(p->rk);
    mem_free(p);
    *produce = NULL;
}
