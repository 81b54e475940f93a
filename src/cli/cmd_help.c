#include "cli/cli.h"

#include <string.h>

#include "base/str.h"

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    (void)options;
    if (!cli->arg_count) {
        cli_help(cli, NULL);
        return ERR_OK;
    }
    if (!strcmp(cli->args[0], "settings")) {
        cli_help_settings(cli);
        return ERR_OK;
    }
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; cli->commands[i] && n < 63; i++) {
        if (!strcmp(cli->commands[i]->name, cli->args[0])) {
            cli_help(cli, cli->commands[i]);
            return ERR_OK;
        }
        if (!cli->commands[i]->hidden) names[n++] = cli->commands[i]->name;
    }
    names[n] = NULL;
    const char *near = str_nearest(cli->args[0], names);
    err_set(e, ERR_USAGE, "no command \"%s\"", cli->args[0]);
    return near ? err_hint(e, "did you mean \"%s\"?", near) : err_hint(e, "lakefm --help lists them");
}

const struct cli_command cli_cmd_help = {
    .name = "help",
    .group = CLI_ABOUT,
    .summary = "what a command does, with an example; \"help settings\" for lakefm.yml",
    .synopsis = "[COMMAND]",
    .max_args = 1,
    .example = "lakefm help ingest\nlakefm help settings",
    .run = run,
};
