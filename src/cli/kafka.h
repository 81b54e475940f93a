/* Settings → Kafka: which topics to read by which contract, and librdkafka's settings. Shared by run, ingest, simulate. */
#ifndef LAKEFM_CLI_KAFKA_H
#define LAKEFM_CLI_KAFKA_H

#include "cli/cli.h"
#include "ingest/kafka.h"

/* Arrays live in cli->arena. ERR_USAGE: no brokers, or a topic that no contract knows. */
enum err cli_kafka_settings(struct cli *cli, const struct kafka_setting **settings, size_t *count, struct error *e) MUST_CHECK;
enum err cli_kafka_topics(struct cli *cli, const struct schema_set *contracts, const struct kafka_topic **topics,
                          size_t *count, struct error *e) MUST_CHECK;

#endif
