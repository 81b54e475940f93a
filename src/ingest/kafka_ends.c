#include "ingest/kafka_internal.h"

#include <stdio.h>
#include <string.h>

static enum err list_ends(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms, struct kafka_lag *ends, size_t *count,
                          const struct kafka_options *options, struct error *e)
{
    enum err rc = ERR_OK;
    char text[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *ask = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_AdminOptions_set_request_timeout(ask, timeout_ms, text, sizeof text);
    rd_kafka_ListOffsets(rk, list, ask, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 500);
    if (!event || rd_kafka_event_error(event)) {
        rc = err_set(e, ERR_RETRY, "Kafka does not answer: %s", event ? rd_kafka_event_error_string(event) : "timed out");
        goto done;
    }
    size_t got;
    const rd_kafka_ListOffsetsResultInfo_t **found = rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &got);
    *count = 0;
    for (size_t i = 0; i < got; i++) {
        const rd_kafka_topic_partition_t *p = rd_kafka_ListOffsetsResultInfo_topic_partition(found[i]);
        for (size_t t = 0; !p->err && t < options->topic_count; t++)
            if (!strcmp(options->topics[t].name, p->topic))
                ends[(*count)++] = (struct kafka_lag){options->topics[t].name, p->partition, -1, p->offset};
    }
done:
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(ask);
    rd_kafka_queue_destroy(queue);
    return rc;
}

enum err kafka_ends(const struct kafka_options *options, int timeout_ms, char **source, struct kafka_lag **ends, size_t *count,
                    struct error *e)
{
    enum err rc = ERR_OK;
    char text[512];
    size_t n = options->topic_count, all = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk = NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    char(*ids)[40] = mem_zalloc(n * sizeof *ids), *cluster = NULL;
    const char **names = mem_array(n, sizeof *names);
    int32_t *counts = mem_zalloc(n * sizeof *counts);
    *source = NULL;
    *ends = NULL;
    *count = 0;
    for (size_t i = 0; i < n; i++) names[i] = options->topics[i].name;
    TRY(kafka_configure(conf, options, e));
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!rk) TRY(err_set(e, ERR_USAGE, "Kafka: %s", text));
    conf = NULL; /* taken over */
    cluster = rd_kafka_clusterid(rk, timeout_ms);
    if (!cluster) TRY(err_set(e, ERR_RETRY, "no Kafka broker answers"));
    TRY(kafka_describe(rk, names, n, ids, counts, options->stop, e));
    for (size_t t = 0; t < n; t++)
        for (int32_t p = 0; p < counts[t]; p++, all++) rd_kafka_topic_partition_list_add(list, names[t], p)->offset = RD_KAFKA_OFFSET_SPEC_LATEST;
    *ends = mem_array(all, sizeof **ends);
    TRY(list_ends(rk, list, timeout_ms, *ends, count, options, e));
    *source = mem_printf("kafka:%s", cluster);
done:
    if (cluster) rd_kafka_mem_free(rk, cluster);
    if (conf) rd_kafka_conf_destroy(conf);
    rd_kafka_topic_partition_list_destroy(list);
    if (rk) rd_kafka_destroy(rk);
    mem_free(names);
    mem_free(ids);
    mem_free(counts);
    if (rc != ERR_OK) {
        mem_free(*ends);
        *ends = NULL;
    }
    return rc;
}
