#include "cli/dbt.h"

CLI_DBT_COMMAND(compile, CLI_DBT, "render a dbt project's SQL into target/compiled", "",
                NULL,
                "lakefm compile --project-dir my_project --select staging\n"
                "lakefm compile --inline \"select * from {{ ref('dim_user') }}\"");
