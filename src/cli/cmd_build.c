#include "cli/dbt.h"

CLI_DBT_COMMAND(build, CLI_TABLES, "make gold from silver, or build any dbt project", "",
                "On a lake: runs its dbt project (the one built in, or that of the setting dbt) natively over silver, tests "
                "included, and publishes the marts as gold in one commit. Cost follows new data: partial aggregates of new "
                "batches are appended, and what has not changed is not run.\n\n"
                "With --engine spark the same project is run by dbt with dbt-spark, which you have installed, and its marts are "
                "published in the same way; the flags are then dbt's.\n\n"
                "With --project-dir, DBT_PROJECT_DIR, or in a folder with a dbt_project.yml (and no --lake given): builds that "
                "project, with its profiles.yml, as dbt does with dbt-duckdb. No lake is needed. The flags are dbt's; what "
                "this runner does not know is an error, never a silent difference.\n\n"
                "Exit codes are dbt's: 1 when a node failed, 2 when the command could not be done.",
                "lakefm build\n"
                "lakefm build --select daily_active_users+ --full-refresh\n"
                "lakefm build --engine spark\n"
                "lakefm build --project-dir my_project --profiles-dir . --target dev");
