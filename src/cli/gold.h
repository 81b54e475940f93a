/* Gold on a lake: the dbt project run natively over silver, its marts published through the lake's commit log.
 * Puts together model/ (the dbt runner) and lake/; used by `build`, `demo` and `run`. */
#ifndef LAKEFM_CLI_GOLD_H
#define LAKEFM_CLI_GOLD_H

#include "cli/cli.h"
#include "lake/lake.h"
#include "model/model.h"

/* Runs o (any verb; project_dir NULL: the `dbt` setting, else the project built in) on the lake, which must be open as a
 * writer when marts may change. What the models print goes to cli->out, or nowhere when `silent`.
 * After `refine --rebuild` everything is built anew, for the partial aggregates no longer hold. */
enum err cli_gold_run(struct cli *cli, struct lake *lake, struct model_options *o, bool silent,
                      struct model_outcome *outcome, struct error *e) MUST_CHECK;

/* The verb of the command and its words (cli->args) by dbt with dbt-spark, a program of the user's (setting spark.dbt),
 * over the lake, which must be open as a writer. What the marts of that run hold is published in one commit as
 * gold/<mart>/part-0.parquet, also when another node failed; *code is dbt's exit code. ERR_NOT_FOUND: no such program. */
enum err cli_gold_spark(struct cli *cli, struct lake *lake, int *code, struct error *e) MUST_CHECK;

#endif
