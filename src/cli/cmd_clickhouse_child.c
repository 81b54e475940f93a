/* What `serve` starts as its child (publish/embedded.h); not for people. */
#include "cli/cli.h"

#include "publish/chdb.h"

struct options {
    const char *library, *folder, *bind;
    int64_t http_port, tcp_port;
};

static const struct cli_option options_table[] = {
    {"library", 0, CLI_TEXT, "FILE", NULL, NULL, offsetof(struct options, library), "libchdb.so", NULL, 0, 0, false},
    {"folder", 0, CLI_TEXT, "DIR", NULL, NULL, offsetof(struct options, folder), "with server.xml and users.xml; data goes there too", NULL, 0, 0, false},
    {"bind", 0, CLI_TEXT, "ADDRESS", "127.0.0.1", NULL, offsetof(struct options, bind), "where to listen", NULL, 0, 0, false},
    {"http-port", 0, CLI_INT, "PORT", "8123", NULL, offsetof(struct options, http_port), "HTTP", NULL, 1, 65535, false},
    {"tcp-port", 0, CLI_INT, "PORT", "9000", NULL, offsetof(struct options, tcp_port), "native protocol; 0: none", NULL, 0, 65535, false},
    {0},
};

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    (void)cli;
    if (!o->library || !o->folder) return err_set(e, ERR_USAGE, "--library and --folder are needed");
    struct chdb_server s = {o->library, o->folder, o->bind, o->http_port, o->tcp_port};
    return chdb_serve(&s, e);
}

const struct cli_command cli_cmd_clickhouse_child = {
    .name = "clickhouse-child",
    .group = CLI_ABOUT,
    .summary = "ClickHouse in this process, until stdin is closed",
    .synopsis = "",
    .options = options_table,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .example = "lakefm clickhouse-child --library libchdb.so --folder DIR",
    .hidden = true,
    .run = run,
};
