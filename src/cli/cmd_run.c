#include "cli/cli.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/dbt.h"
#include "cli/gold.h"
#include "cli/figures.h"
#include "cli/kafka.h"
#include "live/live.h"
#include "cli/publish.h"
#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct live {
    struct cli *cli;
    struct cli gold; /* a copy with gold's share of the memory, for the builder's thread */
    struct lake *lake;
    struct schema_set *contracts;
    struct serve *serve;
    struct embedded *clickhouse;
    uint64_t pushed; /* gold as of this commit is in the ClickHouse server */
    struct figures figures;
    bool until_end, accept_loss, no_build, shared;
    bool terminal; /* a line of progress instead of a log of commits */
    uint64_t told_ns, tested_ns;
};

static volatile sig_atomic_t reload; /* SIGHUP */

static void on_hangup(int sig) { reload = sig; }

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

/* --name VALUE or --name=VALUE sets a setting. */
static enum err take_setting(struct cli *cli, size_t *i, const char *name, const char *key, bool *taken, struct error *e)
{
    const char *a = cli->args[*i], *value = NULL;
    size_t n = strlen(name);
    *taken = false;
    if (strncmp(a, name, n) || (a[n] && a[n] != '=')) return ERR_OK;
    *taken = true;
    if (a[n]) value = a + n + 1;
    else if (*i + 1 < cli->arg_count) value = cli->args[++*i];
    if (!value || !*value) return err_set(e, ERR_USAGE, "%s needs a value", name);
    enum err rc = cli_config_set(cli, key, value, NULL, e);
    return rc != ERR_OK ? err_context(e, "%s: ", name) : ERR_OK;
}

/* The options of every command, which `raw` leaves to us (dbt has others of these names). */
static bool take_common(struct cli *cli, const char *a)
{
    if (!strcmp(a, "--json")) cli->config.json = true;
    else if (!strcmp(a, "-q") || !strcmp(a, "--quiet")) cli->config.quiet = true;
    else if (!strcmp(a, "-v") || !strcmp(a, "--verbose")) cli->config.verbose++;
    else if (!strcmp(a, "-vv")) cli->config.verbose += 2;
    else return false;
    return true;
}

static enum err parse(struct cli *cli, struct live *live, struct error *e)
{
    static const char *const known[] = {"--until-end", "--accept-loss", "--no-build", "--shared", "--no-serve", "--source",
                                        "--follow-folder", NULL};
    bool *const flag[] = {&live->until_end, &live->accept_loss, &live->no_build, &live->shared};
    for (size_t i = 0; i < cli->arg_count; i++) {
        bool taken = false;
        enum err rc;
        for (size_t k = 0; k < 4 && !taken; k++)
            if (!strcmp(cli->args[i], known[k])) *flag[k] = taken = true;
        if (taken || take_common(cli, cli->args[i])) continue;
        if (!strcmp(cli->args[i], "--no-serve")) {
            cli->config.page = false;
            continue;
        }
        if ((rc = take_setting(cli, &i, "--source", "source", &taken, e)) != ERR_OK) return rc;
        if (taken) continue;
        if ((rc = take_setting(cli, &i, "--follow-folder", "folder", &taken, e)) != ERR_OK) return rc;
        if (taken) {
            cli->config.source = "folder";
            continue;
        }
        const char *near = str_nearest(cli->args[i], known);
        err_set(e, ERR_USAGE, "run has no option %s", cli->args[i]);
        if (near) err_hint(e, "did you mean %s?", near);
        else err_hint(e, "see lakefm run --help; dbt's flags come with --project-dir");
        return ERR_USAGE;
    }
    return ERR_OK;
}

/* ---- what happens while it runs ---- */

/* The project's tests take longer than its models: they run once a minute, the models after each commit. */
static enum err build(void *ctx, struct error *e)
{
    enum { TEST_EVERY_S = 60 };
    struct live *live = ctx;
    struct model_options o = {.verb = MODEL_BUILD};
    struct model_outcome outcome = {0};
    uint64_t now = clock_mono_ns();
    bool test = !live->tested_ns || now - live->tested_ns > TEST_EVERY_S * 1000000000ull;
    if (test) {
        live->tested_ns = now;
    } else {
        o.exclude_resource_types = (struct model_words){mem_array(2, sizeof *o.exclude_resource_types.word), 2, 2};
        o.exclude_resource_types.word[0] = "test";
        o.exclude_resource_types.word[1] = "unit_test";
    }
    enum err rc = cli_gold_run(&live->gold, live->lake, &o, true, &outcome, e);
    if (rc == ERR_OK && outcome.exit_code)
        rc = err_set(e, cli_stop ? ERR_STOPPED : ERR_INPUT, "%zu models or tests failed: lakefm build tells which", outcome.error);
    model_options_reset(&o);
    return rc;
}

static void committed(void *ctx, const struct live_commit *c)
{
    struct live *live = ctx;
    figures_commit(&live->figures, c);
    if (live->serve) serve_wake(live->serve);
    char ages[64] = "";
    int64_t now = clock_now_ms();
    if (c->oldest_ms >= 0)
        snprintf(ages, sizeof ages, ", %.2f to %.2f s old", (double)(now - c->newest_ms) / 1000, (double)(now - c->oldest_ms) / 1000);
    log_info("commit %llu: %lld records, %lld rows, %lld duplicates, %lld quarantined, %.0f ms%s", (unsigned long long)c->number,
             (long long)c->totals.read, (long long)c->totals.rows, (long long)c->totals.duplicates,
             (long long)c->totals.quarantined, (double)c->took_ns / 1e6, ages);
}

/* A server that is away is no reason to stop: the next build tries again. */
static void push(struct live *live)
{
    struct error e = {0};
    char text[1024];
    enum err rc = cli_clickhouse_push(&live->gold, live->lake, &live->pushed, &e);
    if (rc != ERR_OK && rc != ERR_STOPPED) log_warn("not published to ClickHouse: %s", err_format(&e, text, sizeof text));
}

static void built(void *ctx, const struct live_built *b)
{
    struct live *live = ctx;
    figures_built(&live->figures, b);
    if (live->serve) serve_wake(live->serve);
    push(live);
    if (b->newest_ms >= 0)
        log_info("gold of commit %llu in %.0f ms; newest event is %.1f s old", (unsigned long long)b->number, (double)b->took_ns / 1e6,
                 (double)(clock_now_ms() - b->newest_ms) / 1000);
    else log_info("gold of commit %llu in %.0f ms", (unsigned long long)b->number, (double)b->took_ns / 1e6);
}

static void reading(void *ctx, struct kafka *k)
{
    struct live *live = ctx;
    figures_reading(&live->figures, k);
    if (k) log_info("reading %s", kafka_source_name(k));
}

/* Twice a second: the line on the terminal, or systemd's status every few seconds. */
static void tick(void *ctx)
{
    struct live *live = ctx;
    struct buf line = {0};
    uint64_t now = clock_mono_ns();
    figures_tick(&live->figures);
    if (live->terminal) {
        buf_str(&line, "\r\033[K");
        figures_line(&live->figures, &line);
        if (write(STDERR_FILENO, line.ptr, line.len) < 0) live->terminal = false;
    } else if (now - live->told_ns > 5000000000u && getenv("NOTIFY_SOCKET")) {
        live->told_ns = now;
        buf_str(&line, "STATUS=");
        figures_line(&live->figures, &line);
        notify(line.ptr);
    }
    buf_reset(&line);
}

static void page_metrics(void *ctx, struct buf *out) { figures_metrics(&((struct live *)ctx)->figures, out); }
static bool page_ready(void *ctx, struct buf *why) { return figures_ready(&((struct live *)ctx)->figures, why); }

static enum err open_page(struct live *live, struct error *e)
{
    const struct cli_config *c = &live->cli->config;
    if (!c->page || live->until_end) return ERR_OK;
    struct serve_options o = {.lake_url = c->lake,
                              .contracts = live->contracts,
                              .bind = c->serve.bind,
                              .port = (uint16_t)c->serve.port,
                              .token = c->serve.token,
                              .memory_bytes = c->memory_bytes / 8,
                              .metrics = page_metrics,
                              .ready = page_ready,
                              .ctx = live};
    enum err rc = serve_open(&o, &live->serve, e);
    if (rc == ERR_BUSY) err_hint(e, "another port: --set serve.port=3001; without the page: --no-serve");
    if (rc == ERR_OK && !c->quiet)
        log_line(live->terminal ? LOG_WARN : LOG_INFO, "the page is at http://%s:%u/", o.bind, (unsigned)serve_port(live->serve));
    return rc;
}

/* ---- the whole ---- */

/* How the memory is shared out: consumer's queue 1/16, hauls 1/4, refine 1/4, gold 1/4, page 1/8, the rest for everything else. */
static enum err fill(struct live *live, struct live_options *o, struct error *e)
{
    const struct cli_config *c = &live->cli->config;
    enum err rc = ERR_OK;
    uint64_t memory = c->memory_bytes;
    *o = (struct live_options){.interval_ms = c->batch.interval_ms,
                               .batch_bytes = c->batch.size_bytes < memory / 8 ? c->batch.size_bytes : memory / 8,
                               .memory_bytes = memory / 4,
                               .retain_bronze_ms = c->retain.bronze_ms,
                               .build = live->no_build ? NULL : build,
                               .committed = committed,
                               .built = built,
                               .reading = reading,
                               .tick = tick,
                               .reload = &reload,
                               .ctx = live};
    o->kafka.stop = &cli_stop;
    o->refine = (struct refine_options){.contracts = live->contracts,
                                        .threads = (unsigned)c->threads,
                                        .memory_bytes = memory / 4,
                                        .zstd_level = (int)c->silver.level,
                                        .line_limit_bytes = (uint32_t)c->line_limit_bytes,
                                        .max_reject_share = c->max_reject_share};
    if (strcmp(c->source, "kafka") != 0) return ERR_OK;
    TRY(cli_kafka_settings(live->cli, &o->kafka.settings, &o->kafka.setting_count, e));
    TRY(cli_kafka_topics(live->cli, live->contracts, &o->kafka.topics, &o->kafka.topic_count, e));
    o->kafka.group = live->until_end ? NULL : c->group;
    o->kafka.until_end = live->until_end;
    o->kafka.accept_loss = live->accept_loss;
    o->kafka.queue_bytes = memory / 16;
done:
    return rc;
}

static enum err run_source(struct live *live, const struct live_options *o, struct error *e)
{
    const struct cli_config *c = &live->cli->config;
    if (!strcmp(c->source, "folder")) return live_run_folder(live->lake, c->folder, o, e);
    if (!strcmp(c->source, "kafka")) return live_run(live->lake, o, e);
    struct simulate_options s;
    simulate_options_init(&s);
    s.config_path = c->simulate.config;
    s.has_users = true, s.users = (int32_t)c->simulate.users;
    s.has_seed = c->simulate.seed != 0, s.seed = c->simulate.seed;
    s.threads = 1;
    s.live = true;
    return live_run_simulator(live->lake, &s, c->simulate.speed, o, e);
}

/* SIGHUP: the contracts anew; when one is wrong the old ones stay. */
static enum err reread(struct live *live, struct error *e)
{
    struct schema_set *fresh = NULL;
    struct error wrong;
    char text[1024];
    if (schema_set_load(live->cli->config.contracts, &fresh, &wrong) != ERR_OK) {
        log_error("contracts are not reread: %s", err_format(&wrong, text, sizeof text));
        return ERR_OK;
    }
    serve_close(&live->serve);
    schema_set_free(&live->contracts);
    live->contracts = fresh;
    log_info("contracts are reread");
    return open_page(live, e);
}

static enum err check(const struct live *live, struct error *e)
{
    const struct cli_config *c = &live->cli->config;
    if (!strcmp(c->source, "folder") && !c->folder) {
        err_set(e, ERR_USAGE, "which folder?");
        return err_hint(e, "lakefm run --follow-folder DIR, or folder: DIR in lakefm.yml");
    }
    if (strcmp(c->source, "kafka") != 0 && (live->until_end || live->accept_loss || live->shared))
        return err_set(e, ERR_USAGE, "--until-end, --accept-loss and --shared are for Kafka; the source is %s", c->source);
    return ERR_OK;
}

static enum err run_live(struct cli *cli, struct live *live, struct error *e)
{
    enum err rc = ERR_OK;
    struct live_options o;
    live->gold = *cli;
    live->gold.config.memory_bytes = cli->config.memory_bytes / 4;
    TRY(check(live, e));
    TRY(schema_set_load(cli->config.contracts, &live->contracts, e));
    TRY(fill(live, &o, e)); /* mistakes come before anything is made */
    TRY(lake_open_or_init(cli->config.lake, live->shared ? LAKE_SHARED_WRITER : LAKE_WRITER, &live->lake, e));
    TRY(open_page(live, e));
    live->pushed = UINT64_MAX;
    if (!live->until_end) TRY(cli_clickhouse_start(cli, false, &live->clickhouse, e));
    notify("READY=1");
    for (bool again = true; again;) {
        TRY(fill(live, &o, e));
        TRY(run_source(live, &o, e));
        again = reload && !cli_stop && !live->until_end;
        reload = 0;
        if (again) TRY(reread(live, e));
    }
    notify("STOPPING=1");
    if (live->terminal) (void)!write(STDERR_FILENO, "\r\033[K", 4);
    if (!cli->config.quiet && !cli->config.json)
        cli_print(cli, "%lld records, %lld rows committed.\n", (long long)live->figures.records, (long long)live->figures.rows);
done:
    embedded_close(&live->clickhouse);
    serve_close(&live->serve);
    lake_close(&live->lake);
    schema_set_free(&live->contracts);
    buf_reset(&live->gold.out);
    return rc;
}

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    if (cli_dbt_is_project(cli)) return cli_dbt_run(cli, options, e);
    struct live live = {.cli = cli};
    struct sigaction hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    enum err rc = parse(cli, &live, e);
    if (rc != ERR_OK) return rc;
    bool json = cli->config.json || !strcmp(cli->config.log, "json");
    live.terminal = isatty(STDERR_FILENO) && !cli->config.quiet && !json && !cli->config.verbose;
    enum log_level most = cli->config.quiet ? LOG_ERROR : live.terminal ? LOG_WARN : cli->config.verbose > 1 ? LOG_DEBUG : LOG_INFO;
    log_setup(most, json);
    log_over_progress(live.terminal);
    sigaction(SIGHUP, &hangup, NULL);
    figures_init(&live.figures, !strcmp(cli->config.source, "kafka"), !live.no_build);
    rc = run_live(cli, &live, e);
    log_over_progress(false);
    figures_reset(&live.figures);
    return rc;
}

const struct cli_command cli_cmd_run = {
    .name = "run",
    .group = CLI_START,
    .summary = "live: Kafka (or a folder, or the simulator) to gold, all the time",
    .synopsis = "[--source SOURCE | --follow-folder DIR] [--shared] [--until-end] [--accept-loss] [--no-build] [--no-serve]",
    .about = "Reads Kafka's topics and commits bronze and silver every batch.interval; gold follows each commit, and the page "
             "(http://127.0.0.1:3000) follows gold. Positions are in the lake's log: kill it at any moment and start it again. "
             "SIGTERM commits what was read and leaves; SIGHUP rereads the contracts.\n\n"
             "--shared lets several lakefm processes write to one lake, each with its share of the group's partitions; "
             "--until-end stops when all that Kafka holds now is committed; --accept-loss goes on where Kafka's retention has "
             "taken records before they were read, and has the gap in the log; --no-build leaves gold alone, --no-serve the page.\n\n"
             "--follow-folder DIR (source: folder) takes new files and what grew, as ingest does; --source simulator makes events "
             "as their time comes (simulate.users, simulate.speed), each start a new stream.\n\n"
             "With --project-dir (or in a dbt project's folder): dbt's run.",
    .settings = "lake source folder brokers topics group kafka.* batch.interval batch.size memory retain.bronze contracts threads "
                "max_reject_share line_limit serve serve.port log clickhouse",
    .max_args = -1,
    .example = "lakefm run --set brokers=localhost:9092\n"
               "lakefm run --until-end --set brokers=localhost:9092 --set topics=listen_events\n"
               "lakefm run --follow-folder /var/log/events\n"
               "lakefm run --project-dir my_project --select orders+",
    .see_also = "status audit build",
    .raw = true,
    .settings_taken = CLI_DBT_SETTINGS " threads",
    .options_of = cli_dbt_options,
    .run = run,
};
