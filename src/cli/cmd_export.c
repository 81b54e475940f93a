#include "cli/cli.h"
#include "publish/iceberg.h"

#include <string.h>

struct options {
    int64_t snapshots;
};

static const struct cli_option options_table[] = {
    {"snapshots", 0, CLI_INT, "N", "100", NULL, offsetof(struct options, snapshots), "keep so many of a table's last snapshots", NULL,
     1, 10000, false},
    {0},
};

struct report {
    struct cli *cli;
    struct cli_table *table;
    size_t tables;
};

static void say(void *ctx, const struct iceberg_table *t)
{
    struct report *r = ctx;
    if (r->cli->config.json) {
        struct buf *out = &r->cli->out;
        buf_printf(out, "%s{\"layer\":\"%s\",\"table\":\"%s\",\"rows\":%lld,\"files\":%zu,\"snapshots\":%zu,\"unchanged\":%s,\"metadata\":",
                   r->tables++ ? "," : "{\"tables\":[", lake_layer_name(t->layer), t->table, (long long)t->rows, t->files,
                   t->snapshots, t->unchanged ? "true" : "false");
        buf_json(out, t->metadata, strlen(t->metadata));
        buf_str(out, "}");
        return;
    }
    cli_table_cellf(r->table, "%s.%s", lake_layer_name(t->layer), t->table);
    cli_table_cellf(r->table, "%lld", (long long)t->rows);
    cli_table_cellf(r->table, "%zu", t->files);
    cli_table_cellf(r->table, "%zu", t->snapshots);
    cli_table_cellf(r->table, "%s%s", t->metadata, t->unchanged ? " (unchanged)" : "");
    r->tables++;
}

static void start_over(struct report *r)
{
    static const char *const heads[] = {"table", "rows", "files", "snapshots", "metadata"};
    buf_clear(&r->cli->out);
    cli_table_free(&r->table);
    r->tables = 0;
    r->table = cli_table_new(5);
    for (size_t i = 0; i < 5; i++) cli_table_head(r->table, i, heads[i], i && i < 4 ? CLI_RIGHT : CLI_LEFT);
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    struct lake *lake = NULL;
    struct report r = {.cli = cli};
    enum err rc = ERR_OK;
    if (strcmp(cli->args[0], "iceberg")) {
        err_set(e, ERR_USAGE, "there is no export to \"%s\"", cli->args[0]);
        return err_hint(e, "the one there is: lakefm export iceberg");
    }
    TRY(lake_open(cli->config.lake, LAKE_READER, &lake, e));
    struct iceberg_options options = {.snapshots = (size_t)o->snapshots, .stop = &cli_stop, .done = say, .ctx = &r};
    start_over(&r);
    rc = iceberg_export(lake, &options, e);
    for (int tries = 0; rc == ERR_RETRY && tries < 5; tries++) { /* a commit came between */
        start_over(&r);
        TRY(lake_reload(lake, e));
        rc = iceberg_export(lake, &options, e);
    }
    if (rc != ERR_OK) {
        buf_clear(&cli->out);
        goto done;
    }
    if (cli->config.json) cli_print(cli, "%s]}\n", r.tables ? "" : "{\"tables\":[");
    else if (!cli->config.quiet) cli_table_print(r.table, &cli->out);
done:
    cli_table_free(&r.table);
    lake_close(&lake);
    return rc;
}

const struct cli_command cli_cmd_export = {
    .name = "export",
    .group = CLI_ASK,
    .summary = "open table metadata over silver and gold, for engines that speak Iceberg",
    .synopsis = "iceberg",
    .about = "Writes Apache Iceberg metadata (format version 2) for every table of silver and gold into the lake's folder iceberg/. "
             "Nothing is copied: the tables' files are the lake's own Parquet files, and each commit is a snapshot. PyIceberg, "
             "Spark, Trino, DuckDB and others then see one consistent state, whatever is being written at that moment.\n\n"
             "Export again after new commits; a table that has not changed is left as it is.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake",
    .min_args = 1,
    .max_args = 1,
    .example = "lakefm export iceberg\n"
               "# Spark: --conf spark.sql.catalog.lake=org.apache.iceberg.spark.SparkCatalog --conf spark.sql.catalog.lake.type=hadoop\n"
               "#        --conf spark.sql.catalog.lake.warehouse=/data/lake/iceberg ... select * from lake.gold.churn",
    .see_also = "build publish",
    .run = run,
};
