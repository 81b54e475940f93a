/* Shared by the kafka*.c files of this room, which alone include rdkafka.h. */
#ifndef LAKEFM_INGEST_KAFKA_INTERNAL_H
#define LAKEFM_INGEST_KAFKA_INTERNAL_H

#include "ingest/kafka.h"

#include <pthread.h>
#include <rdkafka.h>

struct kafka_assigned {
    size_t topic;      /* index into options.topics */
    int32_t partition;
    int64_t next;      /* the offset expected next */
    int64_t end;       /* known last */
    bool at_end;
    bool doubtful;     /* an event without a record came: librdkafka may go on behind records that it did not give us */
    int64_t eof;       /* the end of the partition when it was met last, 0: never */
    uint32_t part;     /* 1 + index in the current haul's parts; 0: none yet */
};

struct kafka {
    struct kafka_options options;
    struct lake *lake;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char *source;            /* "kafka:<cluster id>" */
    char (*topic_id)[40];    /* by topic */
    pthread_mutex_t lock;    /* assigned: changed by the consumer's thread, read by kafka_lags */
    struct kafka_assigned *assigned;
    size_t assigned_count, assigned_cap;
    struct kafka_haul haul;
    size_t *piece;           /* by topic: 1 + index of the open piece in the haul; 0: none */
    bool paused;
    bool ended;
    enum err failed;         /* set by callbacks, returned by the next poll */
    struct error failure;
    /* the topic of the last message, which mostly is that of the next */
    rd_kafka_topic_t *last_rkt;
    size_t last_topic;
    struct kafka_assigned *last_assigned;
};

/* Our settings, then the user's. ERR_USAGE names the setting. */
enum err kafka_configure(rd_kafka_conf_t *conf, const struct kafka_options *options, struct error *e) MUST_CHECK;

/* Topic ids (base64 as librdkafka prints them) and, when counts is not NULL, numbers of partitions. ERR_NOT_FOUND names a
 * missing topic; ERR_RETRY: no answer within 10 s, or soon after *stop was set (NULL: none). */
enum err kafka_describe(rd_kafka_t *rk, const char *const *names, size_t count, char (*ids)[40], int32_t *counts,
                        const volatile sig_atomic_t *stop, struct error *e) MUST_CHECK;

/* Where to read a partition from: the lake's position checked against what Kafka still has. *lost > 0: records that are
 * gone, and that options.accept_loss lets go. */
enum err kafka_position(struct kafka *k, size_t topic, int32_t partition, int64_t *next, int64_t *end, int64_t *lost,
                        struct error *e) MUST_CHECK;

/* The share of this partition in the current haul, made if it is not there. */
struct kafka_part *kafka_haul_part(struct kafka *k, struct kafka_assigned *a);
void kafka_haul_add(struct kafka *k, struct kafka_assigned *a, const char *value, size_t len, int64_t offset, int64_t time_ms);

#endif
