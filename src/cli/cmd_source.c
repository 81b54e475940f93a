#include "cli/dbt.h"

CLI_DBT_COMMAND(source, CLI_DBT, "check how fresh a dbt project's sources are", "freshness",
                NULL,
                "lakefm source freshness --project-dir my_project");
