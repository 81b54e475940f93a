#include "cli/cli.h"

#include "base/str.h"
#include "cli/publish.h"

#include <string.h>

static const struct cli_option options_table[] = {
    {"mode", 0, CLI_CHOICE, "MODE", NULL, NULL, offsetof(struct publish_options, mode), "clickhouse: hdfs, load or file; by default hdfs for a lake on HDFS, else load", clickhouse_modes, 0, 0, false},
    {"hdfs-root", 0, CLI_TEXT, "URL", NULL, NULL, offsetof(struct publish_options, hdfs_root), "clickhouse, mode hdfs: the lake as ClickHouse reaches it (hdfs://host:8020/user)", NULL, 0, 0, false},
    {"select", 's', CLI_WORDS, "MART", NULL, NULL, offsetof(struct publish_options, select), "clickhouse: only these marts", NULL, 0, 0, false},
    {"dashboards", 0, CLI_PATH, "DIR", NULL, NULL, offsetof(struct publish_options, dashboards), "metabase: folder of your own dashboards (*.yml)", NULL, 0, 0, false},
    {"clickhouse-for-metabase", 0, CLI_TEXT, "URL", NULL, NULL, offsetof(struct publish_options, seen_url), "metabase: ClickHouse's address as Metabase reaches it; by default the setting clickhouse", NULL, 0, 0, false},
    {"replace", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct publish_options, replace), "clickhouse: replace tables that lakefm did not make", NULL, 0, 0, false},
    {"wait", 0, CLI_DURATION, "TIME", "0s", NULL, offsetof(struct publish_options, wait_ms), "wait for a server that does not answer yet", NULL, 0, 0, false},
    {"dry-run", 'n', CLI_FLAG, NULL, NULL, NULL, offsetof(struct publish_options, dry_run), "print what would be done and do nothing", NULL, 0, 0, false},
    {0},
};

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    static const char *const targets[] = {"clickhouse", "metabase", NULL};
    const char *target = cli->args[0];
    if (!strcmp(target, targets[0])) return cli_publish_clickhouse(cli, given, e);
    if (!strcmp(target, targets[1])) return cli_publish_metabase(cli, given, e);
    err_set(e, ERR_USAGE, "cannot publish to \"%s\"", target);
    const char *near = str_nearest(target, targets);
    return near ? err_hint(e, "did you mean %s?", near) : err_hint(e, "clickhouse or metabase");
}

const struct cli_command cli_cmd_publish = {
    .name = "publish",
    .group = CLI_ASK,
    .summary = "put gold into ClickHouse, dashboards into Metabase",
    .synopsis = "clickhouse|metabase",
    .about = "clickhouse: a table for each mart in database Spotify, types from the files and the project's "
             "meta.clickhouse_type. Mode hdfs reads the lake's files on HDFS at each query; load copies them into MergeTree "
             "tables and exchanges those with the live ones in one step; file makes views over file(), for a server that sees "
             "the lake's folder. A value that would wrap in a column's type is refused. Afterwards rows and totals of every "
             "column, asked from ClickHouse, must be the lake's.\n\n"
             "metabase: the first sign-up when Metabase is new, the ClickHouse database, and the dashboards with their questions "
             "and filters. What people changed there stays until a definition here changes.\n\n"
             "Both may be repeated: what is as it should be stays.",
    .options = options_table,
    .options_size = sizeof(struct publish_options),
    .settings = "lake clickhouse clickhouse.user clickhouse.password clickhouse.database dbt metabase.url metabase.user "
                "metabase.password metabase.api_key",
    .min_args = 1,
    .max_args = 1,
    .example = "lakefm publish clickhouse --dry-run\n"
               "lakefm publish clickhouse --mode load --set clickhouse=http://localhost:8123\n"
               "lakefm --lake hdfs://hadoop-namenode:8020/user publish clickhouse --set clickhouse=http://clickhouse:8123",
    .see_also = "build serve",
    .run = run,
};
