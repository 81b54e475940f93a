#include "cli/kafka.h"

#include <string.h>

enum err cli_kafka_settings(struct cli *cli, const struct kafka_setting **settings, size_t *count, struct error *e)
{
    const struct cli_pairs *given = &cli->config.kafka;
    struct kafka_setting *list = arena_alloc(&cli->arena, (given->count + 1) * sizeof *list);
    bool brokers = false;
    *count = 0;
    for (size_t i = 0; i < given->count; i++) {
        list[(*count)++] = (struct kafka_setting){given->pair[i].key, given->pair[i].value};
        brokers |= !strcmp(given->pair[i].key, "bootstrap.servers") || !strcmp(given->pair[i].key, "metadata.broker.list");
    }
    if (cli->config.brokers) list[(*count)++] = (struct kafka_setting){"bootstrap.servers", cli->config.brokers};
    *settings = list;
    if (brokers || cli->config.brokers) return ERR_OK;
    err_set(e, ERR_USAGE, "no Kafka brokers are given");
    err_hint(e, "say --set brokers=localhost:9092, or brokers: localhost:9092 in lakefm.yml");
    return ERR_USAGE;
}

enum err cli_kafka_topics(struct cli *cli, const struct schema_set *contracts, const struct kafka_topic **topics,
                          size_t *count, struct error *e)
{
    static const char *classic[] = {"listen_events", "page_view_events", "auth_events", "status_change_events"};
    const struct cli_list *given = &cli->config.topics;
    const char **names = given->count ? given->item : classic;
    *count = given->count ? given->count : sizeof classic / sizeof classic[0];
    struct kafka_topic *list = arena_alloc(&cli->arena, *count * sizeof *list);
    for (size_t i = 0; i < *count; i++) {
        list[i].name = names[i];
        enum err rc = schema_set_need(contracts, names[i], &list[i].contract, e);
        if (rc != ERR_OK) {
            err_where(e, "setting topics");
            return rc;
        }
    }
    *topics = list;
    return ERR_OK;
}
