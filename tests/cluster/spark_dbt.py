"""Our dbt project by real dbt-spark, on real Spark, and by dbt-duckdb, gives lakefm's gold: full, then incremental with a second
delivery, to the last bit; `lakefm build --engine spark` publishes it as the lake's gold."""
import json
import os
import pathlib
import shutil

import lib_spark

lib_spark.python()
from lib_spark import dbt, halves, lakefm, same_marts

here = pathlib.Path.cwd()
halves("events")
for name in ("spark", "duck"):
    pathlib.Path(name).mkdir()
for n in ("1", "2"):
    lakefm("lake", "ingest", f"events/{n}")
    lakefm("lake", "refine")
    lakefm("lake", "build")
    # The second time the intermediates hold the first delivery: only new batches are read.
    dbt("spark-session", here / "lake", here / "spark/gold", here / "spark", "build" if n == "1" else "run")
    print("dbt-spark:", same_marts("lake/gold", "spark/gold"), "marts, delivery", n)
    for mart in os.listdir("lake/gold"):
        pathlib.Path(f"duck/gold/{mart}").mkdir(parents=True, exist_ok=True)
    dbt("duckdb", here / "lake", here / "duck/gold", here / "duck", "run")
    print("dbt-duckdb:", same_marts("lake/gold", "duck/gold"), "marts, delivery", n)

# The user's way: the same files end up in the lake, by a commit that the audit knows.
done = lakefm("lake", "build", "--engine", "spark", "--set", "spark.dbt=no-such-dbt", check=False)
assert done.returncode == 1 and "there is no program \"no-such-dbt\"" in done.stderr, done
shutil.copytree("lake", "other", symlinks=True)
shutil.rmtree("other/state")
lakefm("other", "build", "--engine", "spark", "--exclude", "resource_type:test")
print("lakefm build --engine spark:", same_marts("lake/gold", "other/gold"), "marts")
assert json.loads(lakefm("other", "audit", "--json"))["bad"] == 0
