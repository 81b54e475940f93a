"""The whole stack at once, each part the real one: Kafka → lakefm → HDFS, and there the same gold from lakefm, dbt-spark and
dbt-duckdb, the same silver from the Spark job, and ClickHouse's ENGINE=HDFS answering as DuckDB does."""
import gzip
import json
import os
import pathlib
import subprocess
import sys

import lib_spark

lib_spark.python()
import duckdb
import lib_kafka
from lib_clickhouse import Bare, expect_same, make_lake, marts, need_library
from lib_hdfs import Hdfs, Machine
from lib_spark import ROOT, TESTS, TOPICS, dbt, same_marts

need_library()
here = pathlib.Path.cwd()
make_lake("local")  # the same events from files, on the local disk
rows = {t: gzip.open(TESTS / "golden/eventsim" / f"{t}.json.gz").read() for t in TOPICS}
broker = lib_kafka.Broker()
server = None
try:
    with Hdfs() as hdfs:
        get = lambda what, to: hdfs.do("fs", "-get", what, here / to)
        cluster = Machine(hdfs, "user")
        for topic in TOPICS:
            broker.create(topic, 3)
            broker.send(topic, rows[topic])
        cluster.run("--set", f"brokers={broker.address}", "--set", "batch.interval=1s", "run", "--until-end", "--no-build", "--no-serve")
        audit = cluster.audit()
        cluster.run("build")
        print("Kafka → lakefm → HDFS: audit clean,", audit["files"], "files")

        get("/user/gold", "got")
        print("lakefm's gold on HDFS:", same_marts("local/gold", "got"), "marts as from files on a local disk")

        for name in ("spark", "duck"):
            pathlib.Path(name).mkdir()
        dbt("spark-session", cluster.lake, hdfs.url("spark_gold"), here / "spark", "build")
        get("/spark_gold", "spark_gold")
        print("dbt-spark on HDFS:", same_marts("local/gold", "spark_gold"), "marts")

        # DuckDB has no way into HDFS: its dbt works on a copy.
        pathlib.Path("copy").mkdir()
        get("/user/silver", "copy/silver")
        for mart in os.listdir("local/gold"):
            pathlib.Path(f"duck/gold/{mart}").mkdir(parents=True)
        dbt("duckdb", here / "copy", here / "duck/gold", here / "duck", "run")
        print("dbt-duckdb:", same_marts("local/gold", "duck/gold"), "marts")

        done = subprocess.run([sys.executable, ROOT / "spark_jobs/silver.py", "--lake", cluster.lake, "--out", hdfs.url("spark_lake")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYSPARK_PYTHON": sys.executable})
        assert done.returncode == 0, done.stdout[-6000:]
        get("/spark_lake/silver", "spark_silver")
        db = duckdb.connect()
        tables = sorted(p.name for p in pathlib.Path("copy/silver").iterdir() if not p.name.startswith("inc_"))
        for table in tables:
            one, two = (f"read_parquet('{f}/{table}/**/*.parquet', hive_partitioning = false)" for f in ("copy/silver", "spark_silver"))
            names = ", ".join(f'"{r[0]}"' for r in db.execute(f"describe from {one}").fetchall() if r[0] != "batch")
            for a, b in ((one, two), (two, one)):
                wrong = db.execute(f"select {names} from {a} except all select {names} from {b} limit 3").fetchall()
                assert not wrong, (table, wrong)
        assert len(tables) == 9, tables
        print("the Spark job's silver:", len(tables), "tables")

        server = Bare("clickhouse")
        done = cluster.run("--set", f"clickhouse={server.url}", "publish", "clickhouse", "--json")  # mode hdfs: the lake is there
        assert {m["mart"] for m in json.loads(done.stdout)["marts"] if m["result"] == "made"} == set(marts("local")), done.stdout
        assert server.rows("SELECT DISTINCT engine FROM system.tables WHERE database = 'Spotify'") == [["HDFS"]]
        print("ClickHouse over HDFS:", expect_same(server, "local"), "rows as DuckDB's")
finally:
    if server:
        server.close()
    broker.close()
