#include "cli/dbt.h"

CLI_DBT_COMMAND(deps, CLI_DBT, "say where the packages of a dbt project are read from", "",
                "Packages that packages.yml names by a local path are used where they are. Those of the hub and of git "
                "are read from dbt_packages/, where dbt itself puts them, or you by hand.",
                "lakefm deps --project-dir my_project");
