#include "cli/dbt.h"

CLI_DBT_COMMAND(retry, CLI_DBT, "run again what failed or was skipped the last time", "",
                NULL,
                "lakefm retry --project-dir my_project");
