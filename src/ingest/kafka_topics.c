#include "ingest/kafka_internal.h"

#include <stdio.h>
#include <string.h>

enum { ASK_MS = 10000, LEAVE_MS = 1500 };

static enum err described(const rd_kafka_TopicDescription_t *t, char id[40], int32_t *count, struct error *e)
{
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(t);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID)
        return err_set(e, ERR_NOT_FOUND, "Kafka has no topic %s", rd_kafka_TopicDescription_name(t));
    if (code) return err_set(e, ERR_RETRY, "topic %s: %s", rd_kafka_TopicDescription_name(t), rd_kafka_error_string(error));
    size_t partitions;
    rd_kafka_TopicDescription_partitions(t, &partitions);
    if (count) *count = (int32_t)partitions;
    snprintf(id, 40, "%s", rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(t)));
    return ERR_OK;
}

enum err kafka_describe(rd_kafka_t *rk, const char *const *names, size_t count, char (*ids)[40], int32_t *counts,
                        const volatile sig_atomic_t *stop, struct error *e)
{
    enum err rc = ERR_OK;
    const char **list = mem_array(count, sizeof *list);
    memcpy(list, names, count * sizeof *list);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(list, count);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    rd_kafka_event_t *event = NULL;
    rd_kafka_AdminOptions_set_request_timeout(options, ASK_MS, NULL, 0);
    rd_kafka_DescribeTopics(rk, topics, options, queue);
    for (int waited = 0; !event && waited < (stop && *stop ? LEAVE_MS : ASK_MS + 1000); waited += 100) event = rd_kafka_queue_poll(queue, 100);
    if (!event || rd_kafka_event_error(event)) {
        rc = err_set(e, ERR_RETRY, "Kafka does not answer: %s", event ? rd_kafka_event_error_string(event) : "timed out");
        err_hint(e, "is the broker up, and kafka.bootstrap.servers right?");
        goto done;
    }
    size_t got;
    const rd_kafka_TopicDescription_t **found =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &got);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < got; j++)
            if (!strcmp(rd_kafka_TopicDescription_name(found[j]), names[i]))
                TRY(described(found[j], ids[i], counts ? &counts[i] : NULL, e));
done:
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_TopicCollection_destroy(topics);
    mem_free(list);
    return rc;
}

static enum err made_anew(const char *topic, const char *was, const char *is, struct error *e)
{
    err_set(e, ERR_CORRUPT, "topic %s was deleted and made anew: the lake has read topic id %s, Kafka has %s", topic, was, is);
    err_hint(e, "nothing of the new topic was read; to go on from its beginning, ingest it under another name (an alias in "
                "the contract), or into a new lake");
    return ERR_CORRUPT;
}

enum err kafka_verify(struct kafka *k, const struct kafka_haul *haul, struct error *e)
{
    enum err rc = ERR_OK;
    size_t count = k->options.topic_count;
    const char **names = mem_array(count, sizeof *names);
    char(*ids)[40] = mem_zalloc(count * sizeof *ids);
    for (size_t i = 0; i < count; i++) names[i] = k->options.topics[i].name;
    rc = kafka_describe(k->rk, names, count, ids, NULL, k->options.stop, e);
    if (rc == ERR_NOT_FOUND) {
        if (e) e->code = ERR_CORRUPT;
        err_hint(e, "the topic was deleted while it was read; what is committed stays");
        rc = ERR_CORRUPT;
    }
    for (size_t i = 0; rc == ERR_OK && i < haul->part_count; i++)
        for (size_t t = 0; t < count; t++)
            if (haul->parts[i].topic == &k->options.topics[t] && strcmp(ids[t], haul->parts[i].id)) {
                rc = made_anew(names[t], haul->parts[i].id, ids[t], e);
                break;
            }
    mem_free(names);
    mem_free(ids);
    return rc;
}

static enum err gone(struct kafka *k, const char *topic, int32_t partition, int64_t next, int64_t low, struct error *e)
{
    (void)k;
    err_set(e, ERR_CORRUPT, "topic %s, partition %d: records %lld to %lld are gone: Kafka's retention took them before they were read",
            topic, (int)partition, (long long)next, (long long)(low - 1));
    err_where(e, "%s/%d/%lld", topic, (int)partition, (long long)next);
    err_hint(e, "to go on behind them, and have the gap in the log: add --accept-loss");
    return ERR_CORRUPT;
}

enum err kafka_position(struct kafka *k, size_t topic, int32_t partition, int64_t *next, int64_t *end, int64_t *lost,
                        struct error *e)
{
    enum err rc = ERR_OK;
    const char *name = k->options.topics[topic].name;
    struct lake_sources found = {0};
    int64_t low = 0, high = 0;
    *lost = 0;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(k->rk, name, partition, &low, &high, ASK_MS);
    if (code) return err_set(e, ERR_RETRY, "topic %s, partition %d: %s", name, (int)partition, rd_kafka_err2str(code));
    *end = high;
    if (!lake_source_find(k->lake, k->source, k->options.topics[topic].contract->topic, partition, NULL, &found)) {
        *next = low; /* never read: what came before is nobody's loss */
        goto done;
    }
    *next = found.source[0].next;
    if (strcmp(found.source[0].id, k->topic_id[topic])) {
        rc = made_anew(name, found.source[0].id, k->topic_id[topic], e);
    } else if (*next > high) {
        rc = err_set(e, ERR_CORRUPT, "topic %s, partition %d ends at %lld, but the lake has read up to %lld", name,
                     (int)partition, (long long)high, (long long)*next);
        err_hint(e, "the broker lost records that it had shown (unclean leader election?); the lake has them");
    } else if (*next < low && !k->options.accept_loss) {
        rc = gone(k, name, partition, *next, low, e);
    } else if (*next < low) {
        *lost = low - *next;
    }
done:
    lake_sources_free(&found);
    return rc;
}
