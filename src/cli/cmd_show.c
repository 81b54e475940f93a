#include "cli/dbt.h"

CLI_DBT_COMMAND(show, CLI_DBT, "show the first rows of a model or of an inline query", "",
                NULL,
                "lakefm show --project-dir my_project --select orders --limit 10\n"
                "lakefm show --inline \"select count(*) from {{ ref('dim_user') }}\"");
