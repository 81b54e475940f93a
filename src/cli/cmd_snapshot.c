#include "cli/dbt.h"

CLI_DBT_COMMAND(snapshot, CLI_DBT, "take the snapshots of a dbt project", "",
                NULL,
                "lakefm snapshot --project-dir my_project");
