#include "cli/cli.h"

#include "base/asset.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/gold.h"
#include "lake/views.h"
#include "cli/output.h"
#include "lake/audit.h"
#include "live/into.h"
#include "refine/refine.h"
#include "serve/serve.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct options {
    int64_t users, days, seed;
    bool serve, no_serve;
};

static const struct cli_option options_table[] = {
    {"users", 'n', CLI_INT, "N", "1000", NULL, offsetof(struct options, users), "listeners at the start", NULL, 1, 10000000, false},
    {"days", 0, CLI_INT, "N", "30", NULL, offsetof(struct options, days), "days of listening", NULL, 1, 3660, false},
    {"seed", 'r', CLI_INT, "N", "1", NULL, offsetof(struct options, seed), "the same seed gives the same month", NULL, 0, 0, false},
    {"serve", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, serve), "show the page in the end, until Ctrl-C; as on a terminal", NULL, 0, 0, false},
    {"no-serve", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, no_serve), "end after the audit, as when the output is no terminal", NULL, 0, 0, false},
    {0},
};

struct demo {
    struct cli *cli;
    struct lake *lake;
    struct schema_set *contracts;
    struct cli_progress bar;
    int step;
};

/* "1/5  simulate   …": what is done, then in the same line what came of it. */
static void begin(struct demo *d, const char *name, const char *what)
{
    if (d->cli->config.quiet) return;
    cli_print(d->cli, "%d/5  %-9s %s\n", ++d->step, name, what);
    if (cli_flush(d->cli, NULL) != ERR_OK) return;
}

static void say(struct demo *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct demo *d, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (d->cli->config.quiet) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cli_print(d->cli, "     %-9s %s\n", "", text);
    if (cli_flush(d->cli, NULL) != ERR_OK) return;
}

static void simulated(void *ctx, const struct simulate_stats *stats, int64_t now_ms)
{
    struct demo *d = ctx;
    (void)now_ms;
    cli_progress_at(&d->bar, (int64_t)stats->events);
}

static enum err simulate(struct demo *d, const struct options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct simulate *s = NULL;
    struct simulate_sink sink = {0};
    struct simulate_options so;
    char a[32], b[32], c[32];
    char *config = lake_state_path(d->lake, "demo-eventsim.json");
    const struct asset *asset = asset_find("examples/eventsim.json");
    uint64_t started = clock_mono_ns();
    int64_t to_day = clock_day_of_ms(clock_now_ms());
    simulate_options_init(&so);
    if (!asset) TRY(err_set(e, ERR_INTERNAL, "examples/eventsim.json is not in the program"));
    TRY(io_write_file(config, asset->data.ptr, asset->data.len, false, e));
    so.config_path = config;
    so.has_users = so.has_seed = so.has_growth = so.has_from = so.has_to = true;
    so.users = (int32_t)o->users;
    so.seed = o->seed;
    so.growth = 0.5;
    so.from.second = (to_day - o->days) * 86400;
    so.to.second = to_day * 86400;
    TRY(simulate_open(&so, &s, e));
    struct live_into_options into = {.contracts = d->contracts};
    TRY(live_into_lake(d->lake, &into, &sink, e));
    struct simulate_progress progress = {d, simulated, &cli_stop};
    cli_progress_start(&d->bar, d->cli, "simulate", "events", 0);
    rc = simulate_run(s, &sink, &progress, e);
    cli_progress_end(&d->bar);
    TRY(rc);
    TRY(simulate_sink_close(&sink, e));
    const struct simulate_stats *stats = simulate_stats(s);
    uint64_t lines = 0, bytes = 0;
    for (int i = 0; i < SIMULATE_TOPICS; i++) lines += stats->lines[i], bytes += stats->bytes[i];
    say(d, "%s events, %s, in %s", cli_human_count((int64_t)lines, a), cli_human_bytes(bytes, b),
        cli_human_ms((int64_t)((clock_mono_ns() - started) / 1000000), c));
done:
    if (rc != ERR_OK && sink.close) (void)!simulate_sink_close(&sink, NULL);
    simulate_free(&s);
    mem_free(config);
    return rc;
}

static enum err refine(struct demo *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct refine *r = NULL;
    struct refine_totals t = {0};
    char a[32], b[32], c[32];
    uint64_t started = clock_mono_ns();
    struct refine_options o = {.contracts = d->contracts, .threads = (unsigned)d->cli->config.threads, .stop = &cli_stop};
    TRY(refine_open(d->lake, &o, &r, e));
    TRY(refine_pending(r, &t, e));
    say(d, "%s rows, %s quarantined, in %s", cli_human_count(t.rows, a), cli_human_count(t.quarantined, b),
        cli_human_ms((int64_t)((clock_mono_ns() - started) / 1000000), c));
done:
    refine_close(&r);
    return rc;
}

static enum err build(struct demo *d, struct error *e)
{
    struct model_options o = {.verb = MODEL_BUILD};
    struct model_outcome outcome = {0};
    char c[32];
    uint64_t started = clock_mono_ns();
    enum err rc = cli_gold_run(d->cli, d->lake, &o, true, &outcome, e);
    if (rc == ERR_OK && outcome.exit_code) {
        rc = err_set(e, ERR_INPUT, "%zu of %zu models and tests failed", outcome.error, outcome.total);
        err_hint(e, "run: lakefm --lake %s build", d->cli->config.lake);
    }
    if (rc == ERR_OK)
        say(d, "%zu models and tests passed in %s", outcome.pass, cli_human_ms((int64_t)((clock_mono_ns() - started) / 1000000), c));
    model_options_reset(&o);
    return rc;
}

static enum err write_out(void *ctx, struct buf *text, struct error *e)
{
    struct demo *d = ctx;
    buf_add(&d->cli->out, text->ptr, text->len);
    buf_clear(text);
    return cli_flush(d->cli, e);
}

/* A few rows of each classic mart, worded as a question's answer. */
static enum err show_gold(struct demo *d, struct error *e)
{
    static const struct {
        const char *title, *sql;
    } tables[] = {
        {"Top songs", "select position, song, artist, play_count from top_songs_by_play_count order by position limit 5"},
        {"Listening time by weekday (1 Monday … 7 Sunday), mean seconds of a listener's day",
         "select weekday, user_days, round(mean_listening_time) as mean_listening_time from weekday_mean_listening_time order by weekday"},
        {"Free against paid",
         "select level, user_count, listen_count, round(listens_per_user, 1) as listens_per_user, round(mean_duration, 1) as "
         "mean_duration from free_vs_paid_users_comparison order by level"},
        {"Users who listen most",
         "select userId, sum(listen_count)::bigint as listens, count(*) as days from daily_user_listen_counts group by userId "
         "order by listens desc, userId limit 5"},
        {"Daily active users, the last days",
         "select * replace (round(stickiness, 3) as stickiness) from (select * from daily_active_users order by activity_date "
         "desc limit 5) order by activity_date"},
        {"The way to an upgrade",
         "select step, page, session_count, user_count, round(share_of_sessions, 4) as share from upgrade_funnel order by step"},
    };
    enum err rc = ERR_OK;
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    struct sql_result *result = NULL;
    struct sql_options o = {.threads = (unsigned)d->cli->config.threads};
    TRY(sql_open(&o, &db, e));
    TRY(sql_connect(db, &conn, e));
    TRY(lake_views_names(conn, e));
    TRY(lake_views_make(d->lake, d->contracts, conn, e));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        cli_print(d->cli, "\n%s\n", tables[i].title);
        TRY(sql_query(conn, tables[i].sql, SQL_WHOLE, &result, e));
        TRY(output_result(result, OUTPUT_TABLE, write_out, d, NULL, e));
        sql_result_free(&result);
    }
    cli_print(d->cli, "\n");
done:
    sql_result_free(&result);
    sql_disconnect(&conn);
    sql_close(&db);
    return rc;
}

static enum err audit(struct demo *d, struct error *e)
{
    struct lake_audit a = {0};
    struct lake_audit_options o = {.threads = (int)d->cli->config.threads};
    char files[32], bytes[32];
    enum err rc = lake_audit(d->lake, &o, &a, e);
    if (rc == ERR_OK && a.bad) {
        rc = err_set(e, ERR_CORRUPT, "the audit found %zu differences", a.bad);
        err_hint(e, "run: lakefm --lake %s audit", d->cli->config.lake);
    }
    if (rc == ERR_OK)
        say(d, "clean: every record of bronze is in silver, quarantine or the duplicates; %s files, %s",
            cli_human_count(a.files, files), cli_human_bytes((uint64_t)a.bytes, bytes));
    lake_audit_free(&a);
    return rc;
}

/* The page over what was just made, until Ctrl-C. A port that is taken is no reason to show nothing. */
static enum err show_page(struct demo *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct serve *serve = NULL;
    struct serve_options o = {.lake_url = d->cli->config.lake,
                              .contracts = d->contracts,
                              .bind = d->cli->config.serve.bind,
                              .port = (uint16_t)d->cli->config.serve.port,
                              .token = d->cli->config.serve.token,
                              .console = true,
                              .memory_bytes = d->cli->config.memory_bytes / 2};
    rc = serve_open(&o, &serve, e);
    if (rc == ERR_BUSY) {
        o.port = 0;
        rc = serve_open(&o, &serve, e);
    }
    if (rc != ERR_OK) goto done;
    cli_print(d->cli, "\nSee it live: http://%s:%u/   (Ctrl-C ends it)\n", o.bind, (unsigned)serve_port(serve));
    TRY(cli_flush(d->cli, e));
    while (!cli_stop) nanosleep(&(struct timespec){0, 100000000}, NULL);
done:
    serve_close(&serve);
    return rc;
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    enum err rc = ERR_OK;
    bool page = o->serve || (!o->no_serve && !cli->config.quiet && !cli->config.json && isatty(STDOUT_FILENO));
    struct demo d = {.cli = cli};
    char what[160];
    TRY(schema_set_load(cli->config.contracts, &d.contracts, e));
    TRY(lake_open_or_init(cli->config.lake, LAKE_WRITER, &d.lake, e));
    snprintf(what, sizeof what, "%lld days of %lld listeners, as eventsim makes them → bronze", (long long)o->days, (long long)o->users);
    begin(&d, "simulate", what);
    TRY(simulate(&d, o, e));
    begin(&d, "refine", "bronze → silver: typed, cleaned, deduplicated Parquet");
    TRY(refine(&d, e));
    begin(&d, "build", "silver → gold: the dbt project, run natively");
    TRY(build(&d, e));
    if (!cli->config.quiet) {
        begin(&d, "sql", "what gold says");
        TRY(show_gold(&d, e));
    }
    begin(&d, "audit", "nothing lost, nothing twice: proved from the files");
    TRY(audit(&d, e));
    if (!cli->config.quiet)
        cli_print(cli,
                  "\nThe lake is in %s: plain gzip and Parquet. Go on with\n"
                  "  lakefm --lake %s sql          ask it anything (SQL)\n"
                  "  lakefm --lake %s status       what is where\n"
                  "  lakefm --lake %s serve        the live page\n",
                  cli->config.lake, cli->config.lake, cli->config.lake, cli->config.lake);
    lake_close(&d.lake); /* others may write while the page is looked at */
    if (page) TRY(show_page(&d, e));
done:
    lake_close(&d.lake);
    schema_set_free(&d.contracts);
    return rc;
}

const struct cli_command cli_cmd_demo = {
    .name = "demo",
    .group = CLI_START,
    .summary = "simulate a month of listening and take it through the whole path",
    .synopsis = "",
    .about = "Simulates listeners, as eventsim does, into a lake; refines, builds the gold tables, shows them, and audits. On a terminal the page with the dashboards "
             "follows at http://127.0.0.1:3000.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake threads memory serve.bind serve.port serve.token",
    .max_args = 0,
    .example = "lakefm demo\nlakefm --lake /tmp/big demo --users 20000 --days 90",
    .see_also = "simulate sql status",
    .run = run,
};
