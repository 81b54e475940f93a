"""spark_jobs/bronze.py: a real Kafka to bronze by Structured Streaming, killed in between and started again: every record once, in
the layout of lakefm, so that silver.py over it gives the rows that lakefm makes of the same events."""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import time

import lib_spark

lib_spark.python()
import lib_kafka
from lib_spark import ROOT, lakefm

COUNT = 3000
jars = ",".join(str(p) for p in sorted(pathlib.Path(os.environ["SPARK_JARS"]).glob("*.jar")) if "iceberg" not in p.name)
lake = f"{os.getcwd()}/lake"


def job(script, *words):
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable, "PYSPARK_SUBMIT_ARGS": f"--jars {jars} pyspark-shell"}
    log = open(f"{script}.log", "ab")
    return subprocess.Popen([sys.executable, ROOT / "spark_jobs" / f"{script}.py", "--lake", lake, *words], stdout=log, stderr=log, env=env)


def finish(script, *words):
    assert job(script, *words).wait() == 0, pathlib.Path(f"{script}.log").read_text()[-12000:]


def numbers():
    out = []
    for path in sorted(pathlib.Path("lake/bronze/auth_events").glob("date=*/hour=*/part-*.json.gz")):
        out += [json.loads(line)["sessionId"] for line in gzip.open(path)]
    return out


broker = lib_kafka.Broker()
try:
    broker.create("auth_events", 3)
    broker.create("listen_events", 1) # empty: no folder comes of it
    broker.produce("auth_events", 0, COUNT)
    bronze = ["--brokers", broker.address, "--topic", "auth_events", "--topic", "listen_events"]
    finish("bronze", *bronze, "--until-end", "--most", "700")
    assert sorted(numbers()) == list(range(COUNT)), len(numbers())
    assert not pathlib.Path("lake/bronze/listen_events").exists()

    # Killed while it runs live, then started again: nothing lost, nothing twice.
    live = job("bronze", *bronze, "--every", "1 second", "--most", "300")
    broker.produce("auth_events", COUNT, COUNT)
    end = time.time() + 120
    while len(set(numbers())) < COUNT + 500 and time.time() < end and live.poll() is None:
        time.sleep(0.3)
    live.kill()
    live.wait()
    subprocess.run(["pkill", "-9", "-f", lake])  # its JVM
    before = len(numbers())
    assert COUNT < before, before
    broker.produce("auth_events", 2 * COUNT, 500)
    finish("bronze", *bronze, "--until-end")
    got = numbers()
    assert sorted(got) == list(range(2 * COUNT + 500)), (len(got), len(set(got)), before)
finally:
    broker.close()

# What lakefm makes of the same events.
pathlib.Path("auth_events.json").write_text(lib_kafka.events(0, 2 * COUNT + 500))
lakefm("ours", "ingest", "auth_events.json")
lakefm("ours", "refine")
finish("silver", "--out", f"{os.getcwd()}/other")
import duckdb

db = duckdb.connect()
one, two = (f"read_parquet('{f}/silver/fact_auth_events/**/*.parquet', hive_partitioning = false)" for f in ("ours", "other"))
names = ", ".join(f'"{r[0]}"' for r in db.execute(f"describe from {one}").fetchall() if r[0] != "batch")
for a, b in ((one, two), (two, one)):
    wrong = db.execute(f"select {names} from {a} except all select {names} from {b} limit 3").fetchall()
    assert not wrong, wrong
print(db.execute(f"select count(*) from {two}").fetchone()[0], "rows, the same as lakefm's; killed after", before)
