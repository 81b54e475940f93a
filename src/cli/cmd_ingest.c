#include "cli/cli.h"

#include "base/clock.h"
#include "cli/kafka.h"
#include "ingest/ingest.h"
#include "live/live.h"

#include <string.h>

struct options {
    const char *topic, *source;
    bool force, until_end, accept_loss;
    uint64_t batch_bytes;
};

static const char *const sources[] = {"files", "kafka", NULL};

static const struct cli_option options_table[] = {
    {"topic", 't', CLI_TEXT, "TOPIC", NULL, NULL, offsetof(struct options, topic),
     "the topic of all files; by default told by each file's name", NULL, 0, 0, false},
    {"force", 'f', CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, force),
     "take files that the lake already holds (their events are dropped as duplicates by refine)", NULL, 0, 0, false},
    {"commit-size", 0, CLI_BYTES, "SIZE", "1GiB", NULL, offsetof(struct options, batch_bytes),
     "commit whenever this much has been read", NULL, 0, 0, false},
    {"source", 0, CLI_CHOICE, "SOURCE", "files", NULL, offsetof(struct options, source),
     "kafka: the topics' records instead of files", sources, 0, 0, false},
    {"until-end", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, until_end),
     "with --source kafka: up to what Kafka holds now", NULL, 0, 0, false},
    {"accept-loss", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, accept_loss),
     "with --source kafka: go on behind records that Kafka's retention has taken before they were read", NULL, 0, 0, false},
    {0},
};

struct run {
    struct cli_progress progress;
};

static void progress(void *ctx, int64_t bytes, int64_t records)
{
    struct run *run = ctx;
    (void)records;
    cli_progress_at(&run->progress, bytes);
}

static const char *const outcomes[] = {
    [INGEST_TAKEN] = "taken",     [INGEST_CONTINUED] = "continued", [INGEST_KNOWN] = "already in the lake",
    [INGEST_EMPTY] = "empty", [INGEST_SKIPPED] = "skipped: no topic",
};

static void show_json(struct cli *cli, const struct ingest_result *r)
{
    cli_print(cli, "{\"records\":%lld,\"blank\":%lld,\"bytes\":%lld,\"bronze_bytes\":%lld,\"first_batch\":%llu,\"last_batch\":%llu,\"files\":[",
              (long long)r->records, (long long)r->blank, (long long)r->bytes, (long long)r->bronze_bytes,
              (unsigned long long)r->first_batch, (unsigned long long)r->last_batch);
    for (size_t i = 0; i < r->file_count; i++) {
        const struct ingest_file *f = &r->files[i];
        cli_print(cli, "%s{\"path\":", i ? "," : "");
        buf_json(&cli->out, f->path, strlen(f->path));
        cli_print(cli, ",\"topic\":");
        buf_json(&cli->out, f->topic, strlen(f->topic));
        cli_print(cli, ",\"outcome\":\"%s\",\"records\":%lld,\"blank\":%lld,\"bytes\":%lld}", outcomes[f->outcome],
                  (long long)f->records, (long long)f->blank, (long long)f->bytes);
    }
    cli_print(cli, "]}\n");
}

static void show(struct cli *cli, const struct ingest_result *r, uint64_t took_ns)
{
    char a[32], b[32], c[32], d[32];
    struct cli_table *t = cli_table_new(4);
    cli_table_head(t, 0, "file", CLI_LEFT);
    cli_table_head(t, 1, "topic", CLI_LEFT);
    cli_table_head(t, 2, "records", CLI_RIGHT);
    cli_table_head(t, 3, "", CLI_LEFT);
    for (size_t i = 0; i < r->file_count; i++) {
        const struct ingest_file *f = &r->files[i];
        cli_table_cellf(t, "%s", !strcmp(f->path, "-") ? "(stdin)" : f->path);
        cli_table_cellf(t, "%s", f->topic);
        cli_table_cellf(t, "%s", cli_human_count(f->records, a));
        cli_table_cellf(t, "%s", outcomes[f->outcome]);
    }
    if (r->file_count) cli_table_print(t, &cli->out);
    cli_table_free(&t);
    if (!r->last_batch) {
        cli_print(cli, "Nothing new.\n");
        return;
    }
    cli_print(cli, "%s records", cli_human_count(r->records, a));
    if (r->blank) cli_print(cli, " and %lld blank lines", (long long)r->blank);
    cli_print(cli, ", %s → %s of bronze in %s, ", cli_human_bytes((uint64_t)r->bytes, b),
              cli_human_bytes((uint64_t)r->bronze_bytes, c), cli_human_ms((int64_t)(took_ns / 1000000), d));
    if (r->first_batch == r->last_batch) cli_print(cli, "commit %llu.\n", (unsigned long long)r->last_batch);
    else cli_print(cli, "commits %llu to %llu.\n", (unsigned long long)r->first_batch, (unsigned long long)r->last_batch);
    cli_print(cli, "Next: lakefm --lake %s refine\n", cli->config.lake);
}

/* ---- Kafka ---- */

struct from_kafka {
    struct run run;
    int64_t records, bytes;
    uint64_t first, last;
};

static void committed(void *ctx, const struct live_commit *c)
{
    struct from_kafka *k = ctx;
    k->records += c->totals.read;
    k->bytes += c->bytes;
    if (!k->first) k->first = c->number;
    k->last = c->number;
    cli_progress_at(&k->run.progress, k->records);
}

static enum err run_kafka(struct cli *cli, const struct options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake *lake = NULL;
    struct schema_set *contracts = NULL;
    struct from_kafka state = {0};
    const struct cli_config *c = &cli->config;
    struct live_options live = {.bronze_only = true,
                                .interval_ms = INT64_MAX / 1000000, /* by size only */
                                .batch_bytes = c->memory_bytes / 4 < o->batch_bytes ? c->memory_bytes / 4 : o->batch_bytes,
                                .memory_bytes = c->memory_bytes / 2,
                                .care_ms = -1,
                                .committed = committed,
                                .ctx = &state};
    TRY(schema_set_load(c->contracts, &contracts, e));
    TRY(cli_kafka_settings(cli, &live.kafka.settings, &live.kafka.setting_count, e));
    TRY(cli_kafka_topics(cli, contracts, &live.kafka.topics, &live.kafka.topic_count, e));
    live.kafka.until_end = true;
    live.kafka.accept_loss = o->accept_loss;
    live.kafka.queue_bytes = c->memory_bytes / 16;
    live.kafka.stop = &cli_stop;
    TRY(lake_open_or_init(c->lake, LAKE_WRITER, &lake, e));
    cli_progress_start(&state.run.progress, cli, "ingest", "records", 0);
    rc = live_run(lake, &live, e);
    cli_progress_end(&state.run.progress);
    TRY(rc);
    if (c->json) {
        cli_print(cli, "{\"records\":%lld,\"bytes\":%lld,\"first_batch\":%llu,\"last_batch\":%llu}\n", (long long)state.records,
                  (long long)state.bytes, (unsigned long long)state.first, (unsigned long long)state.last);
    } else if (!c->quiet && !state.last) {
        cli_print(cli, "Nothing new.\n");
    } else if (!c->quiet) {
        char a[32], b[32];
        cli_print(cli, "%s records, %s, commits %llu to %llu.\nNext: lakefm --lake %s refine\n", cli_human_count(state.records, a),
                  cli_human_bytes((uint64_t)state.bytes, b), (unsigned long long)state.first, (unsigned long long)state.last, c->lake);
    }
done:
    lake_close(&lake);
    schema_set_free(&contracts);
    return rc;
}

static enum err check_source(const struct cli *cli, const struct options *o, struct error *e)
{
    bool kafka = !strcmp(o->source, "kafka");
    if (!kafka && (o->until_end || o->accept_loss)) return err_set(e, ERR_USAGE, "--until-end and --accept-loss are for --source kafka");
    if (!kafka && !cli->arg_count) {
        err_set(e, ERR_USAGE, "ingest what? No file is given");
        return err_hint(e, "lakefm ingest FILE..., or --source kafka --until-end");
    }
    if (kafka && (cli->arg_count || o->topic || o->force))
        return err_set(e, ERR_USAGE, "--source kafka takes no files, --topic or --force; topics are the setting topics");
    if (kafka && !o->until_end) {
        err_set(e, ERR_USAGE, "ingest ends, Kafka does not: add --until-end");
        return err_hint(e, "lakefm run follows Kafka");
    }
    return ERR_OK;
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    enum err rc = check_source(cli, o, e);
    if (rc != ERR_OK || !strcmp(o->source, "kafka")) return rc != ERR_OK ? rc : run_kafka(cli, o, e);
    struct lake *lake = NULL;
    struct schema_set *contracts = NULL;
    struct ingest_result result = {0};
    struct run state = {0};
    uint64_t started = clock_mono_ns();
    TRY(schema_set_load(cli->config.contracts, &contracts, e));
    TRY(lake_open_or_init(cli->config.lake, LAKE_WRITER, &lake, e));
    struct ingest_options options = {.contracts = contracts,
                                     .topic = o->topic,
                                     .force = o->force,
                                     .batch_bytes = o->batch_bytes,
                                     .threads = (unsigned)cli->config.threads,
                                     .stop = &cli_stop,
                                     .progress = progress,
                                     .ctx = &state};
    cli_progress_start(&state.progress, cli, "ingest", "bytes", 0);
    rc = ingest_paths(lake, cli->args, cli->arg_count, &options, &result, e);
    cli_progress_end(&state.progress);
    if (rc != ERR_OK && rc != ERR_STOPPED) goto done;
    if (cli->config.json) show_json(cli, &result);
    else if (!cli->config.quiet) show(cli, &result, clock_mono_ns() - started);
done:
    ingest_result_reset(&result);
    lake_close(&lake);
    schema_set_free(&contracts);
    return rc;
}

const struct cli_command cli_cmd_ingest = {
    .name = "ingest",
    .group = CLI_EVENTS,
    .summary = "take files of events into bronze, as they are",
    .synopsis = "FILE|FOLDER|-... | --source kafka --until-end",
    .about = "Takes files, folders, globs or stdin (-) of events, one JSON object a line, plain, gzip or zstd, into the "
             "lake's bronze layer. The bytes are kept as they came.\n\n"
             "Content is known by its bytes: a file that the lake holds already is not taken twice, under whatever name, and "
             "a file that grew is continued where it ended.\n\n"
             "--source kafka --until-end takes what Kafka's topics hold now and what the lake has not read yet, each record once.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake contracts threads memory brokers topics kafka.*",
    .max_args = -1,
    .example = "lakefm ingest listen_events.json page_view_events.json.gz\n"
               "lakefm ingest --topic listen_events day-*.ndjson\n"
               "zcat old.gz | lakefm ingest --topic auth_events -\n"
               "lakefm ingest --source kafka --until-end --set brokers=localhost:9092",
    .see_also = "refine status audit",
    .run = run,
};
