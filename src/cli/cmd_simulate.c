#include "cli/cli.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/kafka.h"
#include "live/into.h"
#include "simulate/simulate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *config, *tag, *from, *to, *start_time, *end_time, *out, *topic, *compress, *dialect, *state, *songs, *places,
        *into;
    int64_t seed, users, first_user_id;
    double growth, attrition, dirty, speed;
    bool streams, follow, continuous, kafka, keyed, avro, counts, similars;
    const char *prefix, *brokers;
};

#define AT(field) offsetof(struct options, field)
static const char *const compressions[] = {"none", "gz", "zst", NULL};
static const char *const dialects[] = {"eventsim", "interana", NULL};
static const char *const topics[] = {"listen_events", "page_view_events", "auth_events", "status_change_events", "all", NULL};

/* clang-format off */
static const struct cli_option options_table[] = {
    {"config", 'c', CLI_TEXT, "FILE", NULL, NULL, AT(config), "eventsim's configuration file; by default its example-config.json, built in", NULL, 0, 0, false},
    {"users", 'n', CLI_INT, "N", "1", NULL, AT(users), "users at the start; the file's n-users wins, as in eventsim", NULL, 0, 2147483647, false},
    {"seed", 'r', CLI_INT, "N", "0", NULL, AT(seed), "same seed, same bytes; by default the file's seed", NULL, 0, 0, false},
    {"from", 'f', CLI_TEXT, "TIME", NULL, NULL, AT(from), "first moment: 2025-11-01, 2025-11-01T06:30 (UTC), or a number of days before now; by default 15, with --follow now", NULL, 0, 0, false},
    {"to", 't', CLI_TEXT, "TIME", NULL, NULL, AT(to), "last moment, likewise; by default 1 day before now, with --follow never", NULL, 0, 0, false},
    {"growth-rate", 'g', CLI_NUMBER, "G", "0", NULL, AT(growth), "new users a year, as a fraction of those there are", NULL, 0, 0, false},
    {"attrition-rate", 'a', CLI_NUMBER, "A", "0", NULL, AT(attrition), "as in eventsim: more than 0 and every user leaves after one session", NULL, 0, 0, false},
    {"userid", 'u', CLI_INT, "U", "1", NULL, AT(first_user_id), "the first user gets the id after this one", NULL, -2147483648.0, 2147483647, false},
    {"tag", 0, CLI_TEXT, "TEXT", NULL, NULL, AT(tag), "a key \"tag\" in the lines of users who are shown", NULL, 0, 0, false},
    {"streams", 0, CLI_FLAG, NULL, NULL, NULL, AT(streams), "a random stream for each user: walks on all cores, the same world as eventsim's, not the same bytes", NULL, 0, 0, false},
    {"out", 'o', CLI_TEXT, "DIR", NULL, NULL, AT(out), "where the files go: DIR/listen_events.json and so on; -: to standard output (see --topic)", NULL, 0, 0, false},
    {"topic", 0, CLI_CHOICE, "TOPIC", "all", NULL, AT(topic), "with --out -: only this one's lines, or all mixed", topics, 0, 0, false},
    {"compress", 0, CLI_CHOICE, "HOW", "none", NULL, AT(compress), "compression of the files", compressions, 0, 0, false},
    {"into", 0, CLI_TEXT, "LAKE", NULL, NULL, AT(into), "into this lake, as bronze, without files in between", NULL, 0, 0, false},
    {"kafka", 0, CLI_FLAG, NULL, NULL, NULL, AT(kafka), "to Kafka, topics by their names; needs the setting brokers", NULL, 0, 0, false},
    {"keyed", 0, CLI_FLAG, NULL, NULL, NULL, AT(keyed), "with --kafka: the user's id as the key; by default none, as eventsim", NULL, 0, 0, false},
    {"topic-prefix", 0, CLI_TEXT, "TEXT", "", NULL, AT(prefix), "with --kafka: before the topics' names", NULL, 0, 0, false},
    {"dialect", 0, CLI_CHOICE, "NAME", "eventsim", NULL, AT(dialect), "interana: one stream of all pages, as in the Sparkify logs (DIR/interana.json)", dialects, 0, 0, false},
    {"dirty", 0, CLI_NUMBER, "SHARE", "0", NULL, AT(dirty), "spoil this share of the lines (cut, null, missing, wrong type, invalid UTF-8, conflict, duplicate, late) and count them", NULL, 0, 1, false},
    {"follow", 0, CLI_FLAG, NULL, NULL, NULL, AT(follow), "live: write an event when its time comes, until stopped; goes on where it was", NULL, 0, 0, false},
    {"speed", 0, CLI_NUMBER, "X", "1", NULL, AT(speed), "with --follow: simulated seconds a second", NULL, 1e-9, 1e9, false},
    {"state", 0, CLI_TEXT, "FILE", NULL, NULL, AT(state), "with --follow: where it keeps its place; by default DIR/.simulate-state.json", NULL, 0, 0, false},
    {"continuous", 0, CLI_FLAG, NULL, NULL, NULL, AT(continuous), "as in eventsim: the past at once, then live by the wall clock", NULL, 0, 0, false},
    {"songs", 0, CLI_TEXT, "FILE", NULL, NULL, AT(songs), "songs of one's own: track_id, count, artist, song, duration, tabs between, plain or gzip", NULL, 0, 0, false},
    {"places", 0, CLI_TEXT, "FILE", NULL, NULL, AT(places), "places: zip, city, state, lat, lon, population", NULL, 0, 0, false},
    /* eventsim's spellings */
    {"nusers", 0, CLI_INT, "N", NULL, NULL, AT(users), "as --users", NULL, 0, 2147483647, true},
    {"randomseed", 0, CLI_INT, "N", NULL, NULL, AT(seed), "as --seed", NULL, 0, 0, true},
    {"start-time", 's', CLI_TEXT, "TIME", NULL, NULL, AT(start_time), "as --from", NULL, 0, 0, true},
    {"end-time", 'e', CLI_TEXT, "TIME", NULL, NULL, AT(end_time), "as --to", NULL, 0, 0, true},
    {"kafkaBrokerList", 'k', CLI_TEXT, "HOST:PORT", NULL, NULL, AT(brokers), "as --kafka --set brokers=", NULL, 0, 0, true},
    {"useAvro", 0, CLI_FLAG, NULL, NULL, NULL, AT(avro), "not supported", NULL, 0, 0, true},
    {"generate-counts", 0, CLI_FLAG, NULL, NULL, NULL, AT(counts), "not supported", NULL, 0, 0, true},
    {"generate-similars", 0, CLI_FLAG, NULL, NULL, NULL, AT(similars), "not supported", NULL, 0, 0, true},
    {"noverbose", 0, CLI_FLAG, NULL, NULL, NULL, sizeof(struct options), "the default", NULL, 0, 0, true},
    {"nocontinuous", 0, CLI_FLAG, NULL, NULL, NULL, sizeof(struct options), "the default", NULL, 0, 0, true},
    {0},
};
/* clang-format on */

/* Options and, behind them, what flags that mean nothing are written to. */
struct all_options {
    struct options o;
    bool ignored;
};

static bool given(const struct cli *cli, size_t field)
{
    for (size_t i = 0; i < cli->given_count; i++)
        if (!cli->given[i].setting && cli->given[i].option->field == field) return true;
    return false;
}

/* ---- what is to be simulated ---- */

/* A time, or a number of days before now (eventsim's -f and -t); of a run that goes on, such a number is left to the state. */
static enum err get_time(const char *option, const char *text, bool goes_on, struct simulate_time *out, bool *has, struct error *e)
{
    int64_t days;
    if (!text) return ERR_OK;
    *has = true;
    if (str_i64(text, &days) && days > -400000 && days < 400000) {
        *has = !goes_on;
        int64_t ms = clock_now_ms();
        *out = (struct simulate_time){ms / 1000 - days * 86400, (int32_t)(ms % 1000) * 1000000};
        return ERR_OK;
    }
    enum err rc = simulate_time_parse(text, out, e);
    return rc ? err_context(e, "%s: ", option) : ERR_OK;
}

static void on_warn(void *ctx, const char *text)
{
    (void)ctx;
    log_warn("%s", text);
}

static enum err fill(const struct cli *cli, const struct options *o, bool goes_on, struct simulate_options *s, struct error *e)
{
    simulate_options_init(s);
    s->config_path = o->config;
    s->mode = o->streams ? SIMULATE_STREAMS : SIMULATE_EXACT;
    s->dialect = strcmp(o->dialect, "interana") ? SIMULATE_EVENTSIM : SIMULATE_INTERANA;
    s->has_seed = given(cli, AT(seed)), s->seed = o->seed;
    s->has_users = given(cli, AT(users)), s->users = (int32_t)o->users;
    s->has_growth = given(cli, AT(growth)), s->growth = o->growth;
    s->has_first_user_id = given(cli, AT(first_user_id)), s->first_user_id = (int32_t)o->first_user_id;
    s->attrition = o->attrition;
    s->tag = o->tag;
    s->threads = (int)cli->config.threads;
    s->dirty = o->dirty;
    s->live = o->follow;
    s->songs_path = o->songs, s->places_path = o->places;
    s->warn = on_warn;
    enum err rc = get_time("--from", o->start_time ? o->start_time : o->from, goes_on, &s->from, &s->has_from, e);
    return rc ? rc : get_time("--to", o->end_time ? o->end_time : o->to, goes_on, &s->to, &s->has_to, e);
}

/* ---- where it goes ---- */

struct target {
    struct simulate_sink sink;
    struct lake *lake;
    struct schema_set *contracts;
    struct produce_report report;
    char *state; /* heap; NULL: none */
    bool resume, to_stdout, to_kafka;
};

static enum err open_kafka(struct cli *cli, const struct options *o, struct target *t, struct error *e)
{
    struct live_kafka_options k = {.prefix = o->prefix, .keyed = o->keyed, .report = &t->report};
    enum err rc = ERR_OK;
    if (o->brokers) TRY(cli_config_set(cli, "brokers", o->brokers, NULL, e));
    TRY(cli_kafka_settings(cli, &k.produce.settings, &k.produce.setting_count, e));
    TRY(live_into_kafka(&k, &t->sink, e));
    t->to_kafka = true;
done:
    return rc;
}

static enum err open_lake(struct cli *cli, const struct options *o, struct target *t, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(schema_set_load(cli->config.contracts, &t->contracts, e));
    TRY(lake_open_or_init(o->into, LAKE_WRITER, &t->lake, e));
    struct live_into_options into = {.contracts = t->contracts};
    TRY(live_into_lake(t->lake, &into, &t->sink, e));
done:
    return rc;
}

static enum err check_targets(const struct cli *cli, const struct options *o, const char *dir, struct error *e)
{
    int targets = (dir != NULL) + (o->into != NULL) + (o->kafka || o->brokers);
    bool live = o->follow || o->continuous;
    if (targets > 1) return err_set(e, ERR_USAGE, "either --out, or --into, or --kafka");
    if (!targets) {
        err_set(e, ERR_USAGE, "where to? Neither --out, nor --into, nor --kafka is given");
        return err_hint(e, "lakefm simulate --users 100 --out events");
    }
    if (dir && cli->arg_count && o->out) return err_set(e, ERR_USAGE, "either --out or a folder behind the options");
    if (o->state && (!live || !dir || !strcmp(dir, "-"))) return err_set(e, ERR_USAGE, "--state is for --follow with --out DIR");
    if (given(cli, AT(speed)) && !o->follow) return err_set(e, ERR_USAGE, "--speed is for --follow");
    if (o->follow && o->continuous) return err_set(e, ERR_USAGE, "either --follow or --continuous");
    return ERR_OK;
}

static enum err open_target(struct cli *cli, const struct options *o, const char *dir, struct target *t, struct error *e)
{
    if (o->kafka || o->brokers) return open_kafka(cli, o, t, e);
    if (o->into) return open_lake(cli, o, t, e);
    if (!strcmp(dir, "-")) {
        enum simulate_topic topic = SIMULATE_LISTEN;
        while (topic < SIMULATE_STREAM && strcmp(simulate_topic_name(topic), o->topic) != 0) topic++;
        t->to_stdout = true;
        return simulate_sink_fd(STDOUT_FILENO, topic < SIMULATE_STREAM ? topic : SIMULATE_TOPICS, &t->sink, e);
    }
    int how = 0;
    while (strcmp(compressions[how], o->compress) != 0) how++;
    return simulate_sink_dir(dir, strcmp(o->dialect, "interana") ? SIMULATE_EVENTSIM : SIMULATE_INTERANA,
                             (enum simulate_compress)how, t->resume, &t->sink, e);
}

static void close_target(struct target *t)
{
    (void)!simulate_sink_close(&t->sink, NULL);
    lake_close(&t->lake);
    schema_set_free(&t->contracts);
    mem_free(t->state);
}

/* ---- what came of it ---- */

struct bar {
    struct cli_progress progress;
    bool live;
};

static void show_progress(void *ctx, const struct simulate_stats *st, int64_t now_ms)
{
    struct bar *bar = ctx;
    struct cli_progress *p = &bar->progress;
    if (!p->on) return;
    double seconds = (double)(clock_mono_ns() - p->started_ns) / 1e9;
    double span = (double)st->to.second - (double)st->from.second;
    double part = span > 0 ? ((double)now_ms / 1e3 - (double)st->from.second) / span : 0;
    uint64_t lines = 0;
    for (int t = 0; t < SIMULATE_TOPICS; t++) lines += st->lines[t];
    char now[CLOCK_ISO_MAX], count[32], rate[32], time[32], left[64] = "", percent[16] = "", line[256];
    if (!bar->live && part > 0) snprintf(percent, sizeof percent, " %3.0f %%", 100 * part);
    if (!bar->live && part > 0.001 && seconds > 0.5)
        snprintf(left, sizeof left, ", %s left", cli_human_ms((int64_t)(1000 * seconds * (1 - part) / part), time));
    clock_format_iso(now_ms, now);
    now[16] = '\0';
    int n = snprintf(line, sizeof line, "\r\033[Ksimulate%s  %s  %s events  %s lines/s%s", percent, now,
                     cli_human_count((int64_t)st->events, count), cli_human_count((int64_t)((double)lines / seconds), rate), left);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) p->on = false;
    p->shown_ns = clock_mono_ns();
}

static void show_json(struct cli *cli, const struct simulate_stats *st, const struct target *t, uint64_t took_ns)
{
    cli_print(cli, "{\"events\":%llu,\"sessions\":%llu,\"users_initial\":%llu,\"users_final\":%llu,\"from_ms\":%lld,",
              (unsigned long long)st->events, (unsigned long long)st->sessions, (unsigned long long)st->users_initial,
              (unsigned long long)st->users_final, (long long)simulate_time_ms(st->from));
    if (st->to.second == INT64_MAX) cli_print(cli, "\"to_ms\":null");
    else cli_print(cli, "\"to_ms\":%lld", (long long)simulate_time_ms(st->to));
    cli_print(cli, ",\"first_ms\":%lld,\"last_ms\":%lld,\"took_ms\":%llu", (long long)st->first_ms, (long long)st->last_ms,
              (unsigned long long)(took_ns / 1000000));
    if (t->to_kafka)
        cli_print(cli, ",\"acknowledged\":%llu,\"failed\":%llu", (unsigned long long)t->report.acknowledged,
                  (unsigned long long)t->report.failed);
    cli_print(cli, ",\"topics\":{");
    bool comma = false;
    for (int i = 0; i < SIMULATE_TOPICS; i++) {
        if (!st->lines[i]) continue;
        cli_print(cli, "%s\"%s\":{\"lines\":%llu,\"bytes\":%llu,\"flaws\":{", comma ? "," : "",
                  simulate_topic_name((enum simulate_topic)i), (unsigned long long)st->lines[i], (unsigned long long)st->bytes[i]);
        comma = true;
        bool inner = false;
        for (int f = 0; f < SIMULATE_FLAWS; f++) {
            if (!st->dirty[i][f]) continue;
            cli_print(cli, "%s\"%s\":%llu", inner ? "," : "", simulate_flaw_name((enum simulate_flaw)f),
                      (unsigned long long)st->dirty[i][f]);
            inner = true;
        }
        cli_print(cli, "}}");
    }
    cli_print(cli, "}}\n");
}

static void show_flaws(struct cli *cli, const struct simulate_stats *st)
{
    struct cli_table *t = cli_table_new(1 + SIMULATE_FLAWS);
    char a[32];
    cli_table_head(t, 0, "flaws", CLI_LEFT);
    for (int f = 0; f < SIMULATE_FLAWS; f++) cli_table_head(t, 1 + (size_t)f, simulate_flaw_name((enum simulate_flaw)f), CLI_RIGHT);
    for (int i = 0; i < SIMULATE_TOPICS; i++) {
        if (!st->lines[i]) continue;
        cli_table_cellf(t, "%s", simulate_topic_name((enum simulate_topic)i));
        for (int f = 0; f < SIMULATE_FLAWS; f++) cli_table_cellf(t, "%s", cli_human_count((int64_t)st->dirty[i][f], a));
    }
    cli_table_print(t, &cli->out);
    cli_table_free(&t);
}

static void show(struct cli *cli, const struct options *o, const struct simulate_stats *st, const struct target *t, uint64_t took_ns)
{
    char a[32], b[32], c[32];
    struct cli_table *table = cli_table_new(3);
    uint64_t lines = 0, bytes = 0;
    cli_table_head(table, 0, "topic", CLI_LEFT);
    cli_table_head(table, 1, "lines", CLI_RIGHT);
    cli_table_head(table, 2, "size", CLI_RIGHT);
    for (int i = 0; i < SIMULATE_TOPICS; i++) {
        if (!st->lines[i]) continue;
        lines += st->lines[i], bytes += st->bytes[i];
        cli_table_cellf(table, "%s", simulate_topic_name((enum simulate_topic)i));
        cli_table_cellf(table, "%s", cli_human_count((int64_t)st->lines[i], a));
        cli_table_cellf(table, "%s", cli_human_bytes(st->bytes[i], b));
    }
    if (cli_table_rows(table)) cli_table_print(table, &cli->out);
    cli_table_free(&table);
    if (o->dirty > 0) show_flaws(cli, st);
    double seconds = (double)took_ns / 1e9;
    cli_print(cli, "%s lines of %s users in %s", cli_human_count((int64_t)lines, a), cli_human_count((int64_t)st->users_final, b),
              cli_human_ms((int64_t)(took_ns / 1000000), c));
    cli_print(cli, ", %s/s", cli_human_bytes((uint64_t)((double)bytes / (seconds > 0 ? seconds : 1)), a));
    if (t->to_kafka) cli_print(cli, ", %s acknowledged", cli_human_count((int64_t)t->report.acknowledged, b));
    cli_print(cli, ".\n");
}

static enum err simulate(struct cli *cli, const struct options *o, struct simulate *s, struct target *t, struct error *e)
{
    struct bar bar = {.live = o->follow || o->continuous};
    struct simulate_progress progress = {.ctx = &bar, .report = show_progress, .stop = &cli_stop};
    struct simulate_follow_options follow = {.speed = o->continuous ? 1 : o->speed, .wall_clock = o->continuous, .state_path = t->state};
    const struct simulate_stats *st = simulate_stats(s);
    log_info("Initial number of users: %llu, Final number of users: %llu", (unsigned long long)st->users_initial,
             (unsigned long long)st->users_final);
    cli_progress_start(&bar.progress, cli, "simulate", "events", 0);
    enum err rc = bar.live ? simulate_follow(s, &t->sink, &progress, &follow, e) : simulate_run(s, &t->sink, &progress, e);
    cli_progress_end(&bar.progress);
    if (bar.live && rc == ERR_STOPPED) rc = ERR_OK; /* that is how it ends */
    enum err last = simulate_sink_close(&t->sink, rc ? NULL : e);
    return rc ? rc : last;
}

/* What eventsim has and nobody can want here: said so, not "unknown". */
static enum err check_eventsim_only(const struct options *o, struct error *e)
{
    if (o->avro) {
        err_set(e, ERR_USAGE, "eventsim's --useAvro is not supported (it fails in eventsim too)");
        return err_hint(e, "events are JSON; silver is Parquet");
    }
    if (o->counts || o->similars) {
        err_set(e, ERR_USAGE, "eventsim's --generate-%s is not supported: it makes data files and no events",
                o->counts ? "counts" : "similars");
        return err_hint(e, "songs of your own: --songs FILE");
    }
    return ERR_OK;
}

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    const struct options *o = &((const struct all_options *)options)->o;
    struct simulate_options so;
    struct simulate *s = NULL;
    struct target target = {0};
    const char *dir = o->out ? o->out : cli->arg_count ? cli->args[0] : NULL;
    enum err rc = ERR_OK;
    uint64_t started = clock_mono_ns();
    TRY(check_eventsim_only(o, e));
    TRY(check_targets(cli, o, dir, e));
    if ((o->follow || o->continuous) && dir && strcmp(dir, "-") != 0)
        target.state = o->state ? mem_strdup(o->state) : io_path(dir, ".simulate-state.json");
    TRY(fill(cli, o, target.state && io_exists(target.state), &so, e));
    if (target.state) TRY(simulate_state_peek(target.state, &so, &target.resume, e));
    TRY(simulate_open(&so, &s, e)); /* mistakes are told before the output is touched */
    TRY(open_target(cli, o, dir, &target, e));
    rc = simulate(cli, o, s, &target, e);
    if (rc == ERR_IO && target.to_stdout && e->sys == EPIPE) {
        cli->out_gone = true;
        rc = ERR_STOPPED;
    }
    if (rc && rc != ERR_STOPPED) goto done;
    if (target.to_stdout || cli->config.quiet) goto done;
    if (cli->config.json) show_json(cli, simulate_stats(s), &target, clock_mono_ns() - started);
    else show(cli, o, simulate_stats(s), &target, clock_mono_ns() - started);
done:
    close_target(&target);
    simulate_free(&s);
    return rc;
}

const struct cli_command cli_cmd_simulate = {
    .name = "simulate",
    .group = CLI_EVENTS,
    .summary = "make events: eventsim byte for byte, only faster",
    .synopsis = "[DIR]",
    .about = "Reads eventsim's configuration files and writes what eventsim (github viirya/eventsim) writes for the same seed, "
             "users, growth, tag and span, to the last byte: listens, page views, answers to logins and changes of level, "
             "one JSON object a line.\n\n"
             "With --streams every user has a random stream of his own; the walk then uses all cores, the bytes do not depend "
             "on their number, and millions of users are no problem.\n\n"
             "eventsim's spellings are accepted: --nusers, --randomseed, --start-time, --end-time, --kafkaBrokerList, "
             "--continuous, -c -n -r -s -e -f -t -g -a -u -k, and the folder behind the options.",
    .options = options_table,
    .options_size = sizeof(struct all_options),
    .settings = "contracts threads brokers kafka.*",
    .max_args = 1,
    .example = "lakefm simulate --users 1000 --from 2025-11-01 --to 2025-12-01 --out events\n"
               "lakefm simulate --config my.json --seed 7 --users 12000 --growth-rate 0.25 --out events --compress gz\n"
               "# a second a minute, until stopped; the same line again goes on where it was\n"
               "lakefm simulate --users 500 --follow --speed 60 --out live\n"
               "lakefm simulate --users 10000000 --streams --from 1 --to 0 --out - --topic listen_events | head",
    .see_also = "demo ingest",
    .run = run,
};
