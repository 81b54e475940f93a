/* What is where: layers and tables, what waits, what was rejected and why. From the log alone; no data file is read. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/lag.h"
#include "lake/lake.h"

#include <stdlib.h>
#include <string.h>

struct state {
    struct lake_head head;
    struct lake_tables tables;
    struct lake_totals totals;
    struct lake_sources sources;
    bool built;
    uint64_t built_number;   /* the commit of the last build */
    uint64_t built_silver;   /* the commit that it saw silver at */
    uint64_t silver_changed; /* the last commit that changed rows of silver */
    int64_t newest_ms;       /* the newest event in silver, INT64_MIN: none */
    int64_t now_ms;
    struct lag lag;
};

static void gather(struct lake *lake, struct state *s)
{
    s->now_ms = clock_now_ms();
    lake_head(lake, &s->head);
    lake_tables(lake, &s->tables);
    lake_totals(lake, &s->totals);
    lake_sources(lake, NULL, NULL, &s->sources);
    char *build = lake_build_last(lake, &s->built_number);
    const char *silver = build ? strstr(build, "\"silver\":") : NULL;
    s->built = build != NULL;
    s->newest_ms = INT64_MIN;
    if (silver) s->built_silver = strtoull(silver + strlen("\"silver\":"), NULL, 10);
    for (size_t i = 0; i < s->tables.count; i++)
        if (s->tables.table[i].layer == LAKE_SILVER && s->tables.table[i].changed > s->silver_changed)
            s->silver_changed = s->tables.table[i].changed;
    for (size_t i = 0; i < s->tables.count; i++)
        if (s->tables.table[i].layer == LAKE_SILVER && s->tables.table[i].watermark_ms > s->newest_ms)
            s->newest_ms = s->tables.table[i].watermark_ms;
    mem_free(build);
}

static void forget(struct state *s)
{
    lake_tables_free(&s->tables);
    lake_totals_free(&s->totals);
    lake_sources_free(&s->sources);
}

static bool gold_behind(const struct state *s) { return s->silver_changed > (s->built ? s->built_silver : 0); }

/* ---- for people ---- */

static void add_time(struct cli_table *t, int64_t ms)
{
    char iso[CLOCK_ISO_MAX];
    if (ms == INT64_MIN)
        cli_table_cell(t, "", 0);
    else
        cli_table_cellf(t, "%.16s", clock_format_iso(ms, iso));
}

static void show_tables(struct cli *cli, const struct state *s)
{
    static const char *const heads[] = {"layer", "table", "rows", "files", "bytes", "newest event", "commit"};
    char text[32];
    struct cli_table *t = cli_table_new(7);
    for (size_t i = 0; i < 7; i++) cli_table_head(t, i, heads[i], (i >= 2 && i <= 4) || i == 6 ? CLI_RIGHT : CLI_LEFT);
    for (size_t i = 0; i < s->tables.count; i++) {
        const struct lake_table *row = &s->tables.table[i];
        cli_table_cellf(t, "%s", lake_layer_name(row->layer));
        cli_table_cellf(t, "%s", row->table);
        cli_table_cellf(t, "%s", cli_human_count(row->rows, text));
        cli_table_cellf(t, "%zu", row->files);
        cli_table_cellf(t, "%s", cli_human_bytes((uint64_t)row->bytes, text));
        add_time(t, row->layer == LAKE_SILVER ? row->watermark_ms : INT64_MIN);
        cli_table_cellf(t, "%llu", (unsigned long long)row->changed);
    }
    if (cli_table_rows(t)) cli_table_print(t, &cli->out);
    cli_table_free(&t);
}

static int64_t quarantined(const struct lake_count *c)
{
    int64_t n = 0;
    for (size_t i = 0; i < c->reason_count; i++) n += c->reasons[i].rows;
    return n;
}

static void show_refined(struct cli *cli, const struct state *s)
{
    static const char *const heads[] = {"topic", "table", "read", "rows", "duplicates", "quarantined", "blank", "late", "future"};
    struct cli_table *t = cli_table_new(9);
    char text[32];
    for (size_t i = 0; i < 9; i++) cli_table_head(t, i, heads[i], i >= 2 ? CLI_RIGHT : CLI_LEFT);
    for (size_t i = 0; i < s->totals.count_count; i++) {
        const struct lake_count *c = &s->totals.count[i];
        const int64_t numbers[] = {c->read, c->rows + c->derived, c->duplicates, quarantined(c), c->blank, c->late, c->future};
        cli_table_cellf(t, "%s", c->topic);
        cli_table_cellf(t, "%s", c->table);
        for (size_t k = 0; k < 7; k++) cli_table_cellf(t, "%s", cli_human_count(numbers[k], text));
    }
    if (cli_table_rows(t)) {
        cli_print(cli, "\nBronze to silver\n");
        cli_table_print(t, &cli->out);
    }
    cli_table_free(&t);
}

static void show_rejects(struct cli *cli, const struct state *s)
{
    static const char *const heads[] = {"topic", "table", "reason", "records"};
    struct cli_table *t = cli_table_new(4);
    char text[32];
    for (size_t i = 0; i < 4; i++) cli_table_head(t, i, heads[i], i == 3 ? CLI_RIGHT : CLI_LEFT);
    for (size_t i = 0; i < s->totals.count_count; i++) {
        const struct lake_count *c = &s->totals.count[i];
        for (size_t k = 0; k < c->reason_count; k++) {
            if (!c->reasons[k].rows) continue;
            cli_table_cellf(t, "%s", c->topic);
            cli_table_cellf(t, "%s", c->table);
            cli_table_cellf(t, "%s", c->reasons[k].name);
            cli_table_cellf(t, "%s", cli_human_count(c->reasons[k].rows, text));
        }
    }
    if (cli_table_rows(t)) {
        cli_print(cli, "\nQuarantined, by reason\n");
        cli_table_print(t, &cli->out);
    }
    cli_table_free(&t);
}

static void show_next(struct cli *cli, const struct state *s)
{
    char rows[32];
    const char *lake = cli->config.lake;
    cli_print(cli, "\n");
    if (s->head.pending_batches)
        cli_print(cli, "%s records in %llu commit%s wait in bronze: lakefm --lake %s refine\n",
                  cli_human_count((int64_t)s->head.pending_rows, rows), (unsigned long long)s->head.pending_batches,
                  s->head.pending_batches == 1 ? "" : "s", lake);
    if (gold_behind(s) && s->built)
        cli_print(cli, "Silver is of commit %llu, gold of %llu: lakefm --lake %s build\n",
                  (unsigned long long)s->silver_changed, (unsigned long long)s->built_silver, lake);
    else if (gold_behind(s))
        cli_print(cli, "There is no gold yet: lakefm --lake %s build\n", lake);
    if (!s->tables.count)
        cli_print(cli, "The lake is empty: lakefm --lake %s ingest FILE...\n", lake);
    else if (!s->head.pending_batches && !gold_behind(s))
        cli_print(cli, "Silver holds all of bronze, and gold all of silver.\n");
}

static void show_freshness(struct cli *cli, const struct state *s)
{
    char iso[CLOCK_ISO_MAX], old[32];
    if (s->newest_ms == INT64_MIN) return;
    cli_print(cli, "\nThe newest event is of %.19s, %s ago; %s.\n", clock_format_iso(s->newest_ms, iso),
              cli_human_ms(s->now_ms > s->newest_ms ? s->now_ms - s->newest_ms : 0, old),
              !s->built ? "there is no gold yet" : gold_behind(s) ? "gold does not hold all of silver yet" : "gold holds it");
}

static void show(struct cli *cli, struct lake *lake, const struct state *s)
{
    char iso[CLOCK_ISO_MAX], ago[32];
    cli_print(cli, "Lake %s, commit %llu, %s (%s ago)\n\n", lake_url(lake), (unsigned long long)s->head.number,
              clock_format_iso(s->head.time_ms - s->head.time_ms % 1000, iso),
              cli_human_ms(s->now_ms > s->head.time_ms ? s->now_ms - s->head.time_ms : 0, ago));
    show_tables(cli, s);
    show_refined(cli, s);
    show_rejects(cli, s);
    lag_show(cli, &s->lag);
    show_freshness(cli, s);
    show_next(cli, s);
}

/* ---- for machines ---- */

static void json_key(struct cli *cli, const char *key)
{
    buf_json(&cli->out, key, strlen(key));
    buf_char(&cli->out, ':');
}

static void json_text(struct cli *cli, const char *key, const char *text)
{
    json_key(cli, key);
    buf_json(&cli->out, text, strlen(text));
}

static void json_tables(struct cli *cli, const struct state *s)
{
    cli_print(cli, ",\n\"tables\":[");
    for (size_t i = 0; i < s->tables.count; i++) {
        const struct lake_table *t = &s->tables.table[i];
        cli_print(cli, "%s\n {\"layer\":\"%s\",", i ? "," : "", lake_layer_name(t->layer));
        json_text(cli, "table", t->table);
        cli_print(cli, ",\"rows\":%lld,\"files\":%zu,\"bytes\":%lld,\"changed\":%llu,\"files_changed\":%llu",
                  (long long)t->rows, t->files, (long long)t->bytes, (unsigned long long)t->changed,
                  (unsigned long long)t->files_changed);
        if (t->layer == LAKE_SILVER && t->watermark_ms != INT64_MIN)
            cli_print(cli, ",\"newest_event_ms\":%lld", (long long)t->watermark_ms);
        cli_print(cli, "}");
    }
    cli_print(cli, "]");
}

static void json_topics(struct cli *cli, const struct state *s)
{
    cli_print(cli, ",\n\"topics\":[");
    for (size_t i = 0; i < s->totals.topic_count; i++) {
        const struct lake_total *t = &s->totals.topic[i];
        cli_print(cli, "%s\n {", i ? "," : "");
        json_text(cli, "topic", t->topic);
        cli_print(cli, ",\"delivered\":%lld,\"bronze_rows\":%lld,\"blank\":%lld,\"lost\":%lld,\"retired_rows\":%lld,"
                       "\"pending_rows\":%lld,\"files\":%lld,\"bytes\":%lld}",
                  (long long)t->delivered, (long long)t->bronze_rows, (long long)t->blank, (long long)t->lost,
                  (long long)t->retired_rows, (long long)t->pending_rows, (long long)t->files, (long long)t->bytes);
    }
    cli_print(cli, "]");
}

static void json_counts(struct cli *cli, const struct state *s)
{
    cli_print(cli, ",\n\"refined\":[");
    for (size_t i = 0; i < s->totals.count_count; i++) {
        const struct lake_count *c = &s->totals.count[i];
        cli_print(cli, "%s\n {", i ? "," : "");
        json_text(cli, "topic", c->topic);
        cli_print(cli, ",");
        json_text(cli, "table", c->table);
        cli_print(cli, ",\"read\":%lld,\"rows\":%lld,\"derived\":%lld,\"blank\":%lld,\"duplicates\":%lld,\"conflicts\":%lld,"
                       "\"drift\":%lld,\"late\":%lld,\"future\":%lld,\"quarantined\":{",
                  (long long)c->read, (long long)c->rows, (long long)c->derived, (long long)c->blank,
                  (long long)c->duplicates, (long long)c->conflicts, (long long)c->drift, (long long)c->late,
                  (long long)c->future);
        for (size_t k = 0; k < c->reason_count; k++) {
            cli_print(cli, "%s", k ? "," : "");
            json_key(cli, c->reasons[k].name);
            cli_print(cli, "%lld", (long long)c->reasons[k].rows);
        }
        cli_print(cli, "}}");
    }
    cli_print(cli, "]");
}

static void json_sources(struct cli *cli, const struct state *s)
{
    cli_print(cli, ",\n\"sources\":[");
    for (size_t i = 0; i < s->sources.count; i++) {
        const struct lake_source *p = &s->sources.source[i];
        cli_print(cli, "%s\n {", i ? "," : "");
        json_text(cli, "source", p->source);
        cli_print(cli, ",");
        json_text(cli, "topic", p->topic);
        cli_print(cli, ",\"partition\":%d,", p->partition);
        json_text(cli, "name", p->name);
        cli_print(cli, ",\"first\":%lld,\"next\":%lld,\"records\":%lld,\"rows\":%lld,\"blank\":%lld,\"lost\":%lld,\"commit\":%llu}",
                  (long long)p->first, (long long)p->next, (long long)p->records, (long long)p->rows,
                  (long long)p->blank, (long long)p->lost, (unsigned long long)s->sources.commit[i]);
    }
    cli_print(cli, "]");
}

static void show_json(struct cli *cli, struct lake *lake, const struct state *s)
{
    char iso[CLOCK_ISO_MAX];
    cli_print(cli, "{");
    json_text(cli, "lake", lake_url(lake));
    cli_print(cli, ",\"commit\":%llu,\"time\":\"%s\",\"time_ms\":%lld,\"pending_batches\":%llu,\"pending_rows\":%llu",
              (unsigned long long)s->head.number, clock_format_iso(s->head.time_ms, iso), (long long)s->head.time_ms,
              (unsigned long long)s->head.pending_batches, (unsigned long long)s->head.pending_rows);
    if (s->built)
        cli_print(cli, ",\"build_commit\":%llu,\"build_of_silver\":%llu", (unsigned long long)s->built_number,
                  (unsigned long long)s->built_silver);
    cli_print(cli, ",\"gold_behind\":%s", gold_behind(s) ? "true" : "false");
    if (s->newest_ms != INT64_MIN)
        cli_print(cli, ",\"newest_event_ms\":%lld,\"freshness_ms\":%lld", (long long)s->newest_ms, (long long)(s->now_ms - s->newest_ms));
    lag_json(cli, &s->lag);
    json_tables(cli, s);
    json_topics(cli, s);
    json_counts(cli, s);
    json_sources(cli, s);
    cli_print(cli, "}\n");
}

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    (void)options;
    struct lake *lake = NULL;
    struct state s = {0};
    enum err rc = lake_open(cli->config.lake, LAKE_READER, &lake, e);
    if (rc != ERR_OK) return rc;
    gather(lake, &s);
    lag_ask(cli, lake, &s.lag);
    if (cli->config.json)
        show_json(cli, lake, &s);
    else
        show(cli, lake, &s);
    forget(&s);
    lake_close(&lake);
    return ERR_OK;
}

const struct cli_command cli_cmd_status = {
    .name = "status",
    .group = CLI_CARE,
    .summary = "what is where: rows, files, freshness, what waits, rejects by reason",
    .synopsis = "",
    .about = "Tells from the commit log what the lake holds and what is still to do. No data file is read; lakefm audit does "
             "that. Where brokers are set Kafka is asked, too, how far behind the lake is.",
    .settings = "lake brokers topics kafka.* contracts",
    .max_args = 0,
    .example = "lakefm status\nlakefm status --json",
    .see_also = "audit sql",
    .run = run,
};
