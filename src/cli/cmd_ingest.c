#include "cli/cli.h"

#include "base/clock.h"
#include "ingest/ingest.h"

#include <string.h>

struct options {
    const char *topic;
    bool force;
    uint64_t batch_bytes;
};

static const struct cli_option options_table[] = {
    {"topic", 't', CLI_TEXT, "TOPIC", NULL, NULL, offsetof(struct options, topic),
     "the topic of all files; by default told by each file's name", NULL, 0, 0, false},
    {"force", 'f', CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, force),
     "take files that the lake already holds (their events are dropped as duplicates by refine)", NULL, 0, 0, false},
    {"commit-size", 0, CLI_BYTES, "SIZE", "1GiB", NULL, offsetof(struct options, batch_bytes),
     "commit whenever this much has been read", NULL, 0, 0, false},
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

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    enum err rc = ERR_OK;
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
    .synopsis = "FILE|FOLDER|-...",
    .about = "Takes files, folders, globs or stdin (-) of events, one JSON object a line, plain, gzip or zstd, into the "
             "lake's bronze layer. The bytes are kept as they came.\n\n"
             "Content is known by its bytes: a file that the lake holds already is not taken twice, under whatever name, and "
             "a file that grew is continued where it ended.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake contracts threads",
    .min_args = 1,
    .max_args = -1,
    .example = "lakefm ingest listen_events.json page_view_events.json.gz\n"
               "lakefm ingest --topic listen_events day-*.ndjson\n"
               "zcat old.gz | lakefm ingest --topic auth_events -",
    .see_also = "refine status audit",
    .run = run,
};
