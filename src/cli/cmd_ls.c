#include "cli/dbt.h"

CLI_DBT_COMMAND(ls, CLI_DBT, "list the nodes of a dbt project", "",
                NULL,
                "lakefm ls --project-dir my_project --select +orders --output json\n"
                "lakefm ls");
