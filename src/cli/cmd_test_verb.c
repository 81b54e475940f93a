#include "cli/dbt.h"

CLI_DBT_COMMAND(test, CLI_DBT, "run the tests of a dbt project", "",
                "Runs dbt's data tests, generic and singular, on what the models have made. Exit code 1: a test "
                "failed.",
                "lakefm test --project-dir my_project --select orders\n"
                "lakefm test");
