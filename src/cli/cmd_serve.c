#include "cli/cli.h"

#include "cli/publish.h"
#include "serve/serve.h"

#include <time.h>

struct options {
    bool console, clickhouse;
    const char *dashboards;
};

static const struct cli_option options_table[] = {
    {"console", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, console), "allow SQL (one SELECT at a time) on the page", NULL, 0, 0, false},
    {"dashboards", 0, CLI_PATH, "DIR", NULL, NULL, offsetof(struct options, dashboards), "folder of your own dashboards (*.yml)", NULL, 0, 0, false},
    {"clickhouse", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, clickhouse), "a real ClickHouse beside it, on ports 8123 and 9000, as the setting clickhouse: embedded", NULL, 0, 0, false},
    {0},
};

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    enum err rc = ERR_OK;
    struct schema_set *contracts = NULL;
    struct serve *serve = NULL;
    struct embedded *clickhouse = NULL;
    TRY(schema_set_load(cli->config.contracts, &contracts, e));
    struct serve_options options = {.lake_url = cli->config.lake,
                                    .contracts = contracts,
                                    .bind = cli->config.serve.bind,
                                    .port = (uint16_t)cli->config.serve.port,
                                    .token = cli->config.serve.token,
                                    .dashboards = o->dashboards,
                                    .console = o->console,
                                    .memory_bytes = cli->config.memory_bytes / 2};
    TRY(serve_open(&options, &serve, e));
    TRY(cli_clickhouse_start(cli, o->clickhouse, &clickhouse, e));
    if (clickhouse && !cli->config.quiet && !cli->config.json)
        cli_print(cli, "ClickHouse is at http://%s:%lld/, user bi\n", cli->config.clickhouse.bind, (long long)cli->config.clickhouse.http_port);
    if (cli->config.json) cli_print(cli, "{\"url\":\"http://%s:%u/\"}\n", options.bind, (unsigned)serve_port(serve));
    else if (!cli->config.quiet) cli_print(cli, "The page is at http://%s:%u/ (Ctrl-C ends it)\n", options.bind, (unsigned)serve_port(serve));
    TRY(cli_flush(cli, e));
    while (!cli_stop) {
        struct timespec t = {0, 100000000};
        nanosleep(&t, NULL);
    }
done:
    embedded_close(&clickhouse);
    serve_close(&serve);
    schema_set_free(&contracts);
    return rc;
}

const struct cli_command cli_cmd_serve = {
    .name = "serve",
    .group = CLI_ASK,
    .summary = "show the lake as a live page with dashboards",
    .synopsis = "",
    .about = "Serves dashboards over the lake's gold at http://127.0.0.1:3000, live: the page follows every commit. Without "
             "sign-in on this machine; any other address needs serve.token (better: LAKEFM_SERVE_TOKEN).\n\n"
             "Dashboards are YAML files with SQL: put your own into a folder and name it with --dashboards; they appear without a "
             "restart.\n\n"
             "--clickhouse starts a real ClickHouse server as a child process: HTTP on 8123, the native protocol on 9000, the marts "
             "as tables of database Spotify, following every build. User bi reads only.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake serve.bind serve.port serve.token contracts memory clickhouse clickhouse.password clickhouse.bind "
                "clickhouse.http_port clickhouse.tcp_port clickhouse.memory clickhouse.library",
    .max_args = 0,
    .example = "lakefm serve\nlakefm serve --console --dashboards my-dashboards\nLAKEFM_SERVE_TOKEN=secret lakefm serve --set serve.bind=0.0.0.0",
    .see_also = "sql status build",
    .run = run,
};
