#include "cli/dbt.h"

CLI_DBT_COMMAND(deps, CLI_DBT, "install the local packages of a dbt project", "[FLAG]...",
                "Copies the packages that packages.yml names by a local path into dbt_packages/. Packages of the "
                "hub and of git are put there by dbt itself, or by hand.",
                "lakefm deps --project-dir my_project");
