/* The measure of tests/bench/kafka.py: a librdkafka consumer that reads whole topics and only counts bytes.
 * usage: kafka_count BROKERS TOPIC... */
#include <rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return;
    fprintf(stderr, "%s\n", text);
    exit(1);
}

int main(int argc, char **argv)
{
    double started = now();
    char text[256];
    unsigned long long records = 0, bytes = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (argc < 3) return 2;
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "group.id", "count");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "isolation.level", "read_committed");
    set(conf, "check.crcs", "true"); /* as lakefm reads */
    set(conf, "queued.max.messages.kbytes", "65536");
    set(conf, "fetch.queue.backoff.ms", "5");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!rk) return 1;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    int open = 0;
    for (int i = 2; i < argc; i++) {
        const struct rd_kafka_metadata *m;
        rd_kafka_topic_t *t = rd_kafka_topic_new(rk, argv[i], NULL);
        if (rd_kafka_metadata(rk, 0, t, &m, 10000)) return 1;
        for (int p = 0; p < m->topics[0].partition_cnt; p++, open++)
            rd_kafka_topic_partition_list_add(list, argv[i], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_metadata_destroy(m);
        rd_kafka_topic_destroy(t);
    }
    if (rd_kafka_assign(rk, list)) return 1;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_message_t *got[2000];
    while (open) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 1000, got, 2000);
        for (ssize_t i = 0; i < n; i++) {
            if (got[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) open--;
            else if (!got[i]->err) records++, bytes += got[i]->len;
            rd_kafka_message_destroy(got[i]);
        }
    }
    printf("{\"records\":%llu,\"bytes\":%llu,\"seconds\":%.3f}\n", records, bytes, now() - started);
    return 0;
}
