#include "cli/lag.h"

#include "cli/kafka.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 1500 };

static bool has_brokers(const struct cli *cli)
{
    for (size_t i = 0; i < cli->config.kafka.count; i++)
        if (!strcmp(cli->config.kafka.pair[i].key, "bootstrap.servers")) return true;
    return cli->config.brokers != NULL;
}

static int64_t position(struct lake *lake, const char *source, const struct kafka_options *o, const char *topic, int32_t partition)
{
    int64_t next = -1;
    for (size_t i = 0; i < o->topic_count; i++) {
        struct lake_sources found = {0};
        if (strcmp(o->topics[i].name, topic) != 0) continue;
        if (lake_source_find(lake, source, o->topics[i].contract->topic, partition, NULL, &found)) next = found.source[0].next;
        lake_sources_free(&found);
    }
    return next;
}

void lag_ask(struct cli *cli, struct lake *lake, struct lag *out)
{
    enum err rc = ERR_OK;
    struct error e;
    struct schema_set *contracts = NULL;
    struct kafka_options o = {0};
    struct kafka_lag *ends = NULL;
    char *source = NULL;
    size_t count = 0;
    memset(out, 0, sizeof *out);
    out->asked = has_brokers(cli);
    if (!out->asked) return;
    TRY(schema_set_load(cli->config.contracts, &contracts, &e));
    TRY(cli_kafka_settings(cli, &o.settings, &o.setting_count, &e));
    TRY(cli_kafka_topics(cli, contracts, &o.topics, &o.topic_count, &e));
    TRY(kafka_ends(&o, ANSWER_MS, &source, &ends, &count, &e));
    out->row = arena_alloc(&cli->arena, (count + 1) * sizeof *out->row);
    for (size_t i = 0; i < count; i++)
        out->row[out->count++] = (struct lag_row){ends[i].topic, ends[i].partition, position(lake, source, &o, ends[i].topic, ends[i].partition),
                                                  ends[i].end};
    out->answered = true;
done:
    if (rc != ERR_OK) snprintf(out->why, sizeof out->why, "%s", e.what);
    mem_free(ends);
    mem_free(source);
    schema_set_free(&contracts);
}

static int64_t behind(const struct lag_row *r)
{
    int64_t from = r->next < 0 ? 0 : r->next;
    return r->end > from ? r->end - from : 0;
}

void lag_show(struct cli *cli, const struct lag *lag)
{
    static const char *const heads[] = {"topic", "partition", "read up to", "end", "lag"};
    char text[32];
    if (!lag->asked) return;
    cli_print(cli, "\nKafka\n");
    if (!lag->answered) {
        cli_print(cli, "%s\n", lag->why);
        return;
    }
    struct cli_table *t = cli_table_new(5);
    for (size_t i = 0; i < 5; i++) cli_table_head(t, i, heads[i], i ? CLI_RIGHT : CLI_LEFT);
    for (size_t i = 0; i < lag->count; i++) {
        const struct lag_row *r = &lag->row[i];
        cli_table_cellf(t, "%s", r->topic);
        cli_table_cellf(t, "%d", (int)r->partition);
        if (r->next < 0) cli_table_cellf(t, "never read");
        else cli_table_cellf(t, "%s", cli_human_count(r->next, text));
        cli_table_cellf(t, "%s", cli_human_count(r->end, text));
        cli_table_cellf(t, "%s", cli_human_count(behind(r), text));
    }
    cli_table_print(t, &cli->out);
    cli_table_free(&t);
}

void lag_json(struct cli *cli, const struct lag *lag)
{
    if (!lag->asked) return;
    if (!lag->answered) {
        cli_print(cli, ",\n\"lag_error\":");
        buf_json(&cli->out, lag->why, strlen(lag->why));
        return;
    }
    cli_print(cli, ",\n\"lag\":[");
    for (size_t i = 0; i < lag->count; i++) {
        const struct lag_row *r = &lag->row[i];
        cli_print(cli, "%s\n {\"topic\":", i ? "," : "");
        buf_json(&cli->out, r->topic, strlen(r->topic));
        cli_print(cli, ",\"partition\":%d,\"next\":%lld,\"end\":%lld,\"lag\":%lld}", (int)r->partition, (long long)r->next,
                  (long long)r->end, (long long)behind(r));
    }
    cli_print(cli, "]");
}
