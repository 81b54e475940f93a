/* The commands, in the order of the data's path. */
#include "cli/cli.h"

/* A command is listed when its file is there: src/cli/cmd_<name>.c defines cli_cmd_<name>. */
#define COMMANDS(X)                                                                                                    \
    X(demo) X(run) X(simulate) X(ingest) X(refine) X(build) X(sql) X(serve) X(publish) X(export) X(status) X(audit) X(compact)   \
    X(test) X(seed) X(snapshot) X(compile) X(ls) X(parse) X(deps) X(show) X(clean) X(run_operation) X(docs) X(source)  \
    X(retry) X(clickhouse_child)                                                                                       \
    X(version) X(help) X(generate)

#define DECLARE(name) extern const struct cli_command cli_cmd_##name;
#define LIST(name) &cli_cmd_##name,
COMMANDS(DECLARE)

int main(int argc, char **argv)
{
    static const struct cli_command *const commands[] = {COMMANDS(LIST) NULL};
    return cli_main(argc, argv, commands);
}
