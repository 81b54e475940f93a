/* Texts made from the option tables, contracts and marts, for `make install` and docs/. */
#include "cli/cli.h"

#include <string.h>

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    (void)options;
    static const struct {
        const char *name;
        void (*write)(struct cli *cli);
    } texts[] = {{"man", cli_man}, {"completion", cli_completion}, {"configuration", cli_configuration}};
    if (!strcmp(cli->args[0], "tables")) return cli_tables(cli, e);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, cli->args[0]) != 0) continue;
        texts[i].write(cli);
        return ERR_OK;
    }
    return err_set(e, ERR_USAGE, "\"%s\" is none of man, completion, configuration, tables", cli->args[0]);
}

const struct cli_command cli_cmd_generate = {
    .name = "generate",
    .group = CLI_ABOUT,
    .summary = "man page, bash completion, docs/configuration.md, docs/tables.md: from the tables inside the program",
    .synopsis = "man|completion|configuration|tables",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .run = run,
};
