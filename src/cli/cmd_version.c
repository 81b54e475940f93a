#include "cli/cli.h"
#include "sql/sql.h"

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    (void)options, (void)e;
    if (cli->config.json)
        cli_print(cli, "{\"lakefm\":\"%s\",\"duckdb\":\"%s\"}\n", LAKEFM_VERSION, sql_version());
    else
        cli_print(cli, "lakefm %s (DuckDB %s)\n", LAKEFM_VERSION, sql_version());
    return ERR_OK;
}

const struct cli_command cli_cmd_version = {
    .name = "version",
    .group = CLI_ABOUT,
    .summary = "the versions of lakefm and of the DuckDB inside it",
    .synopsis = "",
    .example = "lakefm version\nlakefm version --json",
    .run = run,
};
