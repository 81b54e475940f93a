#include "cli/dbt.h"

CLI_DBT_COMMAND(parse, CLI_DBT, "read a dbt project and write target/manifest.json", "",
                NULL,
                "lakefm parse --project-dir my_project");
