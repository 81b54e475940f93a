#include "cli/dbt.h"

CLI_DBT_COMMAND(docs, CLI_DBT, "write manifest.json and catalog.json of a dbt project", "generate",
                NULL,
                "lakefm docs generate --project-dir my_project");
