#include "ingest/kafka_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum { POLL_MESSAGES = 2000, ANSWER_MS = 10000, ASK_MS = 500 };

static void fail_with(struct kafka *k, const struct error *e)
{
    if (k->failed != ERR_OK) return;
    k->failed = e->code;
    k->failure = *e;
}

static struct kafka_assigned *find(struct kafka *k, size_t topic, int32_t partition)
{
    for (size_t i = 0; i < k->assigned_count; i++)
        if (k->assigned[i].topic == topic && k->assigned[i].partition == partition) return &k->assigned[i];
    return NULL;
}

static bool topic_index(struct kafka *k, const char *name, size_t *out)
{
    for (*out = 0; *out < k->options.topic_count; ++*out)
        if (!strcmp(k->options.topics[*out].name, name)) return true;
    return false;
}

/* Learns where each partition of the list stands and notes it as assigned. */
static enum err take_partitions(struct kafka *k, rd_kafka_topic_partition_list_t *list, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(lake_reload(k->lake, e));
    for (int i = 0; i < list->cnt; i++) {
        size_t topic;
        int64_t next, end, lost;
        if (!topic_index(k, list->elems[i].topic, &topic)) continue;
        TRY(kafka_position(k, topic, list->elems[i].partition, &next, &end, &lost, e));
        list->elems[i].offset = next + lost;
        pthread_mutex_lock(&k->lock);
        mem_grow(&k->assigned, &k->assigned_cap, k->assigned_count + 1, sizeof *k->assigned);
        struct kafka_assigned *a = &k->assigned[k->assigned_count++];
        *a = (struct kafka_assigned){.topic = topic, .partition = list->elems[i].partition, .next = next, .end = end,
                                     .at_end = next + lost >= end};
        if (lost) {
            struct kafka_part *part = kafka_haul_part(k, a);
            part->lost = lost;
            a->next = part->next = next + lost;
        }
        k->last_rkt = NULL;
        pthread_mutex_unlock(&k->lock);
    }
done:
    return rc;
}

static void give_up_partitions(struct kafka *k, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt && k->options.settle; i++) {
        size_t topic;
        if (topic_index(k, list->elems[i].topic, &topic))
            k->options.settle(k->options.ctx, &k->options.topics[topic], list->elems[i].partition);
    }
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < list->cnt; i++) {
        size_t topic;
        struct kafka_assigned *a;
        if (!topic_index(k, list->elems[i].topic, &topic) || !(a = find(k, topic, list->elems[i].partition))) continue;
        /* Not published: the new owner reads them again. */
        if (a->part) {
            kafka_haul_drop(&k->haul, &k->options.topics[topic], a->partition);
            uint32_t gone = a->part;
            for (size_t j = 0; j < k->assigned_count; j++)
                if (k->assigned[j].part > gone) k->assigned[j].part--;
        }
        *a = k->assigned[--k->assigned_count];
    }
    k->last_rkt = NULL;
    pthread_mutex_unlock(&k->lock);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka *k = opaque;
    bool cooperative = !strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE");
    rd_kafka_error_t *error = NULL;
    rd_kafka_resp_err_t plain = RD_KAFKA_RESP_ERR_NO_ERROR;
    struct error e;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        log_info("kafka: %d partition(s) assigned", list->cnt);
        if (take_partitions(k, list, &e) != ERR_OK) {
            fail_with(k, &e);
            list = NULL; /* nothing is fetched from a wrong place */
        }
        if (!list) plain = cooperative ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_assign(rk, NULL);
        else if (cooperative) error = rd_kafka_incremental_assign(rk, list);
        else plain = rd_kafka_assign(rk, list);
        if (k->paused) kafka_pause(k, true);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        log_info("kafka: %d partition(s) given away", list->cnt);
        give_up_partitions(k, list);
        if (cooperative) error = rd_kafka_incremental_unassign(rk, list);
        else plain = rd_kafka_assign(rk, NULL);
    } else {
        log_warn("kafka: rebalance failed: %s", rd_kafka_err2str(code));
        give_up_partitions(k, list);
        plain = rd_kafka_assign(rk, NULL);
    }
    if (error || plain)
        log_warn("kafka: assignment: %s", error ? rd_kafka_error_string(error) : rd_kafka_err2str(plain));
    if (error) rd_kafka_error_destroy(error);
}

/* Without a group: every partition of every topic. */
static enum err assign_all(struct kafka *k, const int32_t *counts, struct error *e)
{
    enum err rc = ERR_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t t = 0; t < k->options.topic_count; t++)
        for (int32_t p = 0; p < counts[t]; p++) rd_kafka_topic_partition_list_add(list, k->options.topics[t].name, p);
    TRY(take_partitions(k, list, e));
    rd_kafka_resp_err_t code = rd_kafka_assign(k->rk, list);
    if (code) rc = err_set(e, ERR_INPUT, "Kafka: %s", rd_kafka_err2str(code));
done:
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

static enum err subscribe(struct kafka *k, struct error *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t t = 0; t < k->options.topic_count; t++)
        rd_kafka_topic_partition_list_add(list, k->options.topics[t].name, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? err_set(e, ERR_INPUT, "Kafka: cannot subscribe: %s", rd_kafka_err2str(code)) : ERR_OK;
}

enum err kafka_open(const struct kafka_options *options, struct lake *lake, struct kafka **out, struct error *e)
{
    enum err rc = ERR_OK;
    char text[512];
    size_t count = options->topic_count;
    struct kafka *k = mem_zalloc(sizeof *k);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char **names = mem_array(count, sizeof *names);
    int32_t *counts = mem_zalloc(count * sizeof *counts);
    k->options = *options;
    k->lake = lake;
    pthread_mutex_init(&k->lock, NULL);
    k->topic_id = mem_zalloc(count * sizeof *k->topic_id);
    k->piece = mem_zalloc(count * sizeof *k->piece);
    for (size_t i = 0; i < count; i++) names[i] = options->topics[i].name;
    TRY(kafka_configure(conf, options, e));
    rd_kafka_conf_set_opaque(conf, k);
    if (options->group) rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!k->rk) TRY(err_set(e, ERR_USAGE, "Kafka: %s", text));
    conf = NULL; /* taken over */
    rd_kafka_poll_set_consumer(k->rk);
    char *cluster = NULL;
    for (int waited = 0; !cluster && waited < ANSWER_MS && !(options->stop && *options->stop); waited += ASK_MS)
        cluster = rd_kafka_clusterid(k->rk, ASK_MS);
    if (!cluster) {
        rc = err_set(e, ERR_RETRY, "no Kafka broker answers");
        err_hint(e, "is it up, and kafka.bootstrap.servers right?");
        goto done;
    }
    k->source = mem_printf("kafka:%s", cluster);
    rd_kafka_mem_free(k->rk, cluster);
    TRY(kafka_describe(k->rk, names, count, k->topic_id, counts, options->stop, e));
    k->queue = rd_kafka_queue_get_consumer(k->rk);
    if (options->group) TRY(subscribe(k, e));
    else TRY(assign_all(k, counts, e));
    *out = k;
done:
    if (conf) rd_kafka_conf_destroy(conf);
    mem_free(names);
    mem_free(counts);
    if (rc != ERR_OK) kafka_close(&k);
    return rc;
}

void kafka_close(struct kafka **kafka)
{
    struct kafka *k = *kafka;
    if (!k) return;
    if (k->queue) {
        rd_kafka_consumer_close(k->rk); /* serves the last rebalance */
        rd_kafka_queue_destroy(k->queue);
    }
    if (k->rk) rd_kafka_destroy(k->rk);
    pthread_mutex_destroy(&k->lock);
    kafka_haul_reset(&k->haul);
    mem_free(k->assigned);
    mem_free(k->topic_id);
    mem_free(k->piece);
    mem_free(k->source);
    mem_free(k);
    *kafka = NULL;
}

static struct kafka_assigned *assigned_of(struct kafka *k, const rd_kafka_message_t *m)
{
    if (m->rkt == k->last_rkt && k->last_assigned && k->last_assigned->partition == m->partition) return k->last_assigned;
    size_t topic = k->last_topic;
    if (m->rkt != k->last_rkt && !topic_index(k, rd_kafka_topic_name(m->rkt), &topic)) return NULL;
    k->last_rkt = m->rkt;
    k->last_topic = topic;
    return k->last_assigned = find(k, topic, m->partition);
}

/* An offset was passed over. Control records and compaction do that; retention too, and then it is a loss. */
static enum err check_gap(struct kafka *k, struct kafka_assigned *a, int64_t offset, struct error *e)
{
    int64_t low = -1, high = -1;
    const char *name = k->options.topics[a->topic].name;
    rd_kafka_get_watermark_offsets(k->rk, name, a->partition, &low, &high);
    if (a->doubtful)
        return err_set(e, ERR_RETRY, "topic %s, partition %d: offset %lld came after %lld", name, (int)a->partition,
                       (long long)offset, (long long)a->next - 1);
    if (low <= a->next || low > offset) return ERR_OK;
    if (k->options.accept_loss && !a->part) {
        struct kafka_part *part = kafka_haul_part(k, a);
        part->lost = low - a->next;
        part->next = a->next = low;
        return ERR_OK;
    }
    err_set(e, ERR_CORRUPT, "topic %s, partition %d: records %lld to %lld are gone: Kafka's retention took them before they were read",
            name, (int)a->partition, (long long)a->next, (long long)(low - 1));
    err_where(e, "%s/%d/%lld", name, (int)a->partition, (long long)a->next);
    err_hint(e, "to go on behind them, and have the gap in the log: add --accept-loss");
    return ERR_CORRUPT;
}

static enum err on_event(struct kafka *k, const rd_kafka_message_t *m, struct error *e)
{
    struct kafka_assigned *a = m->rkt ? assigned_of(k, m) : NULL;
    const char *name = m->rkt ? rd_kafka_topic_name(m->rkt) : "";
    if (a) a->doubtful = true;
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (a) {
            a->at_end = true;
            a->eof = m->offset;
        }
        return ERR_OK;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: {
        int64_t next, end, lost;
        if (!a) return ERR_OK;
        enum err rc = kafka_position(k, a->topic, a->partition, &next, &end, &lost, e);
        if (rc != ERR_OK) return rc;
        /* Nothing is gone (or its loss is accepted): the reading begins anew, at the log's positions. */
        return err_set(e, ERR_RETRY, "topic %s, partition %d, offset %lld: %s", name, (int)m->partition, (long long)m->offset,
                       rd_kafka_message_errstr(m));
    }
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        err_set(e, ERR_CORRUPT, "topic %s is not there any more", name);
        err_hint(e, "it was deleted while it was read; what is committed stays");
        return ERR_CORRUPT;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__FATAL:
        return err_set(e, ERR_INPUT, "Kafka: %s: %s", name, rd_kafka_message_errstr(m));
    default:
        /* Transport errors, leader changes, a member that was fenced: librdkafka goes on by itself. */
        log_warn("kafka: %s%s%s", name, *name ? ": " : "", rd_kafka_message_errstr(m));
        return ERR_OK;
    }
}

static enum err take_message(struct kafka *k, const rd_kafka_message_t *m, struct error *e)
{
    if (m->err) return on_event(k, m, e);
    struct kafka_assigned *a = assigned_of(k, m);
    if (!a || m->offset < a->next) return ERR_OK; /* given away, or left over from before a seek */
    if (m->offset > a->next) {
        enum err rc = check_gap(k, a, m->offset, e);
        if (rc != ERR_OK) return rc;
    }
    kafka_haul_add(k, a, m->payload, m->payload ? m->len : 0, m->offset, rd_kafka_message_timestamp(m, NULL));
    a->at_end = a->doubtful = false;
    return ERR_OK;
}

enum err kafka_poll(struct kafka *k, int timeout_ms, struct error *e)
{
    rd_kafka_message_t *messages[POLL_MESSAGES];
    enum err rc = ERR_OK;
    ssize_t n = rd_kafka_consume_batch_queue(k->queue, timeout_ms, messages, POLL_MESSAGES);
    for (ssize_t i = 0; i < n; i++) {
        if (rc == ERR_OK) rc = take_message(k, messages[i], e);
        rd_kafka_message_destroy(messages[i]);
    }
    if (k->failed != ERR_OK && rc == ERR_OK) {
        if (e) *e = k->failure;
        rc = k->failed;
    }
    if (k->options.until_end && rc == ERR_OK) {
        k->ended = k->options.group == NULL || k->assigned_count > 0;
        for (size_t i = 0; i < k->assigned_count; i++)
            if (!k->assigned[i].at_end && k->assigned[i].next < k->assigned[i].end) k->ended = false;
    }
    return rc;
}

void kafka_pause(struct kafka *k, bool pause)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    k->paused = pause;
    if (rd_kafka_assignment(k->rk, &list) || !list) return;
    for (int i = list->cnt - 1; i >= 0; i--) { /* at its end it would be resumed one record too far: see kafka_configure */
        size_t topic;
        struct kafka_assigned *a;
        if (!topic_index(k, list->elems[i].topic, &topic) || !(a = find(k, topic, list->elems[i].partition)) || a->at_end)
            rd_kafka_topic_partition_list_del_by_idx(list, i);
    }
    if (pause) rd_kafka_pause_partitions(k->rk, list);
    else rd_kafka_resume_partitions(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

bool kafka_ended(const struct kafka *k) { return k->ended; }
size_t kafka_bytes(const struct kafka *k) { return k->haul.bytes; }
const char *kafka_source_name(const struct kafka *k) { return k->source; }

void kafka_committed(struct kafka *k, const struct kafka_haul *haul)
{
    if (!k->options.group || !haul->part_count) return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)haul->part_count);
    for (size_t i = 0; i < haul->part_count; i++)
        rd_kafka_topic_partition_list_add(list, haul->parts[i].topic->name, haul->parts[i].partition)->offset = haul->parts[i].next;
    (void)rd_kafka_commit(k->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

size_t kafka_lags(struct kafka *k, struct kafka_lag **out)
{
    pthread_mutex_lock(&k->lock);
    size_t n = k->assigned_count;
    *out = mem_array(n, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        const struct kafka_assigned *a = &k->assigned[i];
        int64_t low = -1, high = -1;
        const char *name = k->options.topics[a->topic].name;
        rd_kafka_get_watermark_offsets(k->rk, name, a->partition, &low, &high);
        /* Behind the last record there may be control records, which never come. */
        int64_t next = a->next > a->eof ? a->next : a->eof, end = high > a->end ? high : a->end;
        (*out)[i] = (struct kafka_lag){name, a->partition, next, end > next ? end : next};
    }
    pthread_mutex_unlock(&k->lock);
    return n;
}
