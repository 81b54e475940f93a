#include "cli/dbt.h"

CLI_DBT_COMMAND(clean, CLI_DBT, "remove what a dbt project's runs have written", "",
                NULL,
                "lakefm clean --project-dir my_project");
