/* What the dbt verbs share: build, run, test, seed, snapshot, compile, ls, deps, parse, docs, show, …
 *
 * A verb works on somebody's dbt project when --project-dir is given, DBT_PROJECT_DIR is set, or the working folder holds a
 * dbt_project.yml and no --lake was given; else on the lake's gold. */
#ifndef LAKEFM_CLI_DBT_H
#define LAKEFM_CLI_DBT_H

#include "cli/cli.h"

bool cli_dbt_is_project(const struct cli *cli);
/* Runs the verb that is the command's name, with cli->args as its flags; prints as dbt prints; sets cli->exit_code. */
enum err cli_dbt_run(struct cli *cli, const void *options, struct error *e) MUST_CHECK;
/* The same with the verb and flags given, "docs", "generate", …: count words. */
enum err cli_dbt_run_words(struct cli *cli, const char *const *words, size_t count, struct error *e) MUST_CHECK;
/* The folder (heap) where these words would write artifacts: the project's target, or that of the lake's gold. */
enum err cli_dbt_target(struct cli *cli, const char *const *words, size_t count, char **folder, struct error *e) MUST_CHECK;
/* The flags of the command's verb, for help. */
const struct cli_option *cli_dbt_options(struct arena *arena, const struct cli_command *command);

#define CLI_DBT_SETTINGS "lake config set contracts dbt engine memory json color"

#define CLI_DBT_COMMAND(verb, group_of, title, words, text, examples)                                                  \
    const struct cli_command cli_cmd_##verb = {                                                                        \
        .name = #verb,                                                                                                 \
        .group = group_of,                                                                                             \
        .summary = title,                                                                                              \
        .synopsis = words,                                                                                             \
        .about = text,                                                                                                 \
        .max_args = -1,                                                                                                \
        .example = examples,                                                                                           \
        .see_also = "build run test",                                                                                  \
        .raw = true,                                                                                                   \
        .settings_taken = CLI_DBT_SETTINGS,                                                                            \
        .options_of = cli_dbt_options,                                                                                 \
        .run = cli_dbt_run,                                                                                            \
    }

#endif
