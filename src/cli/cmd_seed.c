#include "cli/dbt.h"

CLI_DBT_COMMAND(seed, CLI_DBT, "load the seeds (CSV files) of a dbt project", "",
                NULL,
                "lakefm seed --project-dir my_project --full-refresh");
