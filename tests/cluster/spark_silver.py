"""spark_jobs/silver.py, which knows the contracts and rules but no code of ours, makes the same silver as lakefm: facts and
dimensions, row by row (all columns but `batch`), on the golden sample with some records twice and some spoilt."""
import os
import pathlib
import subprocess
import sys

import lib_spark

lib_spark.python()
import duckdb
from lib_spark import TOPICS, halves, lakefm

halves("events")
for topic in TOPICS:
    path = pathlib.Path("events/2", f"{topic}.json")
    lines = path.read_bytes().splitlines(keepends=True)
    bad = [lines[0][: len(lines[0]) // 2] + b"\n", b"[1]\n", b"\n", lines[1].replace(b'"ts":', b'"st":')]
    path.write_bytes(b"".join(lines + lines[:20] + bad))
for n in ("1", "2"):
    lakefm("lake", "ingest", f"events/{n}")
lakefm("lake", "refine")
said = subprocess.run([sys.executable, lib_spark.ROOT / "spark_jobs" / "silver.py", "--lake", f"{os.getcwd()}/lake", "--out", f"{os.getcwd()}/other"],
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYSPARK_PYTHON": sys.executable})
assert said.returncode == 0, said.stdout[-6000:]
db = duckdb.connect()
wrong = []
for table in sorted(p.name for p in pathlib.Path("lake/silver").iterdir()):
    if table.startswith("inc_"):
        continue
    one, two = (f"read_parquet('{folder}/silver/{table}/**/*.parquet', hive_partitioning = false)" for folder in ("lake", "other"))
    columns = [r[0] for r in db.execute(f"describe from {one}").fetchall() if r[0] != "batch"]
    assert [r[0] for r in db.execute(f"describe from {two}").fetchall() if r[0] != "batch"] == columns, table
    names = ", ".join(f'"{c}"' for c in columns)
    rows = db.execute(f"select count(*) from {one}").fetchone()[0]
    only = [db.execute(f"select {names} from {a} except all select {names} from {b}").fetchall() for a, b in ((one, two), (two, one))]
    print(f"{table}: {rows} rows; only in lakefm's {len(only[0])}, only in Spark's {len(only[1])}")
    if only[0] or only[1]:
        wrong.append((table, only[0][:3], only[1][:3]))
    assert rows, table
assert not wrong, wrong
