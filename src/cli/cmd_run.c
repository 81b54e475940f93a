#include "cli/cli.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/dbt.h"
#include "cli/gold.h"
#include "cli/kafka.h"
#include "live/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct live {
    struct cli *cli;
    struct lake *lake;
    bool until_end, accept_loss, no_build, shared;
    int64_t rows, records;
};

/* systemd's readiness protocol: one datagram to $NOTIFY_SOCKET (sd_notify(3)). */
static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof to.sun_path) return;
    memcpy(to.sun_path, path, strlen(path));
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    (void)!sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static enum err parse(struct cli *cli, struct live *live, struct error *e)
{
    static const char *const known[] = {"--until-end", "--accept-loss", "--no-build", "--shared", NULL};
    for (size_t i = 0; i < cli->arg_count; i++) {
        const char *a = cli->args[i];
        if (!strcmp(a, known[0])) live->until_end = true;
        else if (!strcmp(a, known[1])) live->accept_loss = true;
        else if (!strcmp(a, known[2])) live->no_build = true;
        else if (!strcmp(a, known[3])) live->shared = true;
        else {
            const char *near = str_nearest(a, known);
            err_set(e, ERR_USAGE, "run has no option %s", a);
            if (near) err_hint(e, "did you mean %s?", near);
            else err_hint(e, "see lakefm run --help; dbt's flags come with --project-dir");
            return ERR_USAGE;
        }
    }
    return ERR_OK;
}

static enum err build(void *ctx, struct error *e)
{
    struct live *live = ctx;
    struct model_options o = {.verb = MODEL_BUILD};
    struct model_outcome outcome = {0};
    enum err rc = cli_gold_run(live->cli, live->lake, &o, true, &outcome, e);
    if (rc == ERR_OK && outcome.exit_code)
        rc = err_set(e, ERR_INPUT, "%zu models or tests failed", outcome.error);
    model_options_reset(&o);
    return rc;
}

static void committed(void *ctx, const struct live_commit *c)
{
    struct live *live = ctx;
    live->records += c->totals.read;
    live->rows += c->totals.rows;
    log_info("commit %llu: %lld records, %lld rows, %lld duplicates, %lld quarantined, %.0f ms", (unsigned long long)c->number,
             (long long)c->totals.read, (long long)c->totals.rows, (long long)c->totals.duplicates,
             (long long)c->totals.quarantined, (double)c->took_ns / 1e6);
}

static void built(void *ctx, uint64_t number, int64_t newest_ms, uint64_t took_ns)
{
    (void)ctx;
    if (newest_ms >= 0)
        log_info("gold of commit %llu in %.0f ms; newest event is %.1f s old", (unsigned long long)number, (double)took_ns / 1e6,
                 (double)(clock_now_ms() - newest_ms) / 1000);
    else log_info("gold of commit %llu in %.0f ms", (unsigned long long)number, (double)took_ns / 1e6);
}

static void ready(void *ctx, struct kafka *k)
{
    (void)ctx;
    log_info("reading %s", kafka_source_name(k));
    notify("READY=1\nSTATUS=reading Kafka");
}

static enum err run_live(struct cli *cli, struct live *live, struct error *e)
{
    enum err rc = ERR_OK;
    struct schema_set *contracts = NULL;
    struct live_options o = {.interval_ms = cli->config.batch.interval_ms,
                             .batch_bytes = cli->config.batch.size_bytes,
                             .memory_bytes = cli->config.memory_bytes / 2,
                             .build = live->no_build ? NULL : build,
                             .committed = committed,
                             .built = built,
                             .ready = ready,
                             .ctx = live};
    TRY(schema_set_load(cli->config.contracts, &contracts, e));
    TRY(cli_kafka_settings(cli, &o.kafka.settings, &o.kafka.setting_count, e));
    TRY(cli_kafka_topics(cli, contracts, &o.kafka.topics, &o.kafka.topic_count, e));
    o.kafka.group = live->until_end ? NULL : cli->config.group;
    o.kafka.until_end = live->until_end;
    o.kafka.accept_loss = live->accept_loss;
    o.kafka.stop = &cli_stop;
    o.refine = (struct refine_options){.contracts = contracts,
                                       .threads = (unsigned)cli->config.threads,
                                       .zstd_level = (int)cli->config.silver.level,
                                       .line_limit_bytes = (uint32_t)cli->config.line_limit_bytes,
                                       .max_reject_share = cli->config.max_reject_share};
    TRY(lake_open_or_init(cli->config.lake, live->shared ? LAKE_SHARED_WRITER : LAKE_WRITER, &live->lake, e));
    rc = live_run(live->lake, &o, e);
    notify("STOPPING=1");
    if (rc == ERR_OK && !cli->config.quiet && !cli->config.json)
        cli_print(cli, "%lld records, %lld rows committed.\n", (long long)live->records, (long long)live->rows);
done:
    lake_close(&live->lake);
    schema_set_free(&contracts);
    return rc;
}

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    if (cli_dbt_is_project(cli)) return cli_dbt_run(cli, options, e);
    struct live live = {.cli = cli};
    enum err rc = parse(cli, &live, e);
    if (rc != ERR_OK) return rc;
    if (!cli->config.quiet) log_setup(LOG_INFO, cli->config.json);
    return run_live(cli, &live, e);
}

const struct cli_command cli_cmd_run = {
    .name = "run",
    .group = CLI_START,
    .summary = "live: Kafka to gold, all the time, exactly once",
    .synopsis = "[--shared] [--until-end] [--accept-loss] [--no-build]",
    .about = "Reads Kafka's topics and commits bronze and silver every batch.interval; gold follows each commit. Positions are "
             "in the lake's log: kill it at any moment and start it again. SIGTERM commits what was read and leaves.\n\n"
             "--shared lets several lakefm processes write to one lake, each with its share of the group's partitions; "
             "--until-end stops when all that Kafka holds now is committed; --accept-loss goes on where Kafka's retention has "
             "taken records before they were read, and has the gap in the log; --no-build leaves gold alone.\n\n"
             "With --project-dir (or in a dbt project's folder): dbt's run.",
    .settings = "lake brokers topics group kafka.* batch.interval batch.size memory contracts threads max_reject_share line_limit",
    .max_args = -1,
    .example = "lakefm run --set brokers=localhost:9092\n"
               "lakefm run --until-end --set brokers=localhost:9092 --set topics=listen_events\n"
               "lakefm run --project-dir my_project --select orders+",
    .see_also = "status audit build",
    .raw = true,
    .settings_taken = CLI_DBT_SETTINGS " threads",
    .options_of = cli_dbt_options,
    .run = run,
};
