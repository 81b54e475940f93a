#include "cli/dbt.h"

const struct cli_command cli_cmd_run_operation = {
    .name = "run-operation",
    .group = CLI_DBT,
    .summary = "run one macro of a dbt project",
    .synopsis = "MACRO",
    .max_args = -1,
    .example = "lakefm run-operation grant_select --project-dir my_project --args '{role: reporter}'",
    .see_also = "build run test",
    .raw = true,
    .settings_taken = CLI_DBT_SETTINGS,
    .options_of = cli_dbt_options,
    .run = cli_dbt_run,
};
