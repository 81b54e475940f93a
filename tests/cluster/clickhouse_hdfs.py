"""publish clickhouse --mode hdfs: a real ClickHouse reads gold from a real HDFS as DuckDB does, for every mart; builds that
follow, a NULL and a missing column, a dead NameNode."""
import json
import os
import pathlib
import subprocess
import time

from lib_clickhouse import TESTS, Bare, expect_same, free_port, lakefm, make_lake, marts, need_library

need_library()
ports = {name: str(free_port()) for name in ("HDFS_PORT", "HDFS_HTTP_PORT", "HDFS_DATANODE_PORT", "HDFS_DATANODE_HTTP_PORT", "HDFS_DATANODE_IPC_PORT")}
env = {**os.environ, **ports, "HDFS_DATA": str(pathlib.Path("hdfs").absolute())}


def hdfs(*words, check=True):
    done = subprocess.run(["bash", TESTS / "services/hdfs.sh", *map(str, words)], env=env, capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"hdfs.sh {words}: {done.stdout}{done.stderr}")
    return done


make_lake("lake")
hdfs("up")
root = f"hdfs://127.0.0.1:{ports['HDFS_PORT']}/user"
server = None
try:
    server = Bare("clickhouse")

    def put():
        hdfs("fs", "-mkdir", "-p", "/user")
        hdfs("fs", "-put", "-f", "lake/gold", "/user/")

    put()
    publish = ["--mode", "hdfs", "--hdfs-root", root]
    out = json.loads(server.publish("lake", *publish).stdout)
    assert {m["mart"] for m in out["marts"] if m["result"] == "made"} == set(marts("lake")), out
    engines = server.rows("SELECT DISTINCT engine FROM system.tables WHERE database = 'Spotify'")
    assert engines == [["HDFS"]], engines
    print(expect_same(server, "lake"), "rows read from HDFS are DuckDB's")
    out = json.loads(server.publish("lake", *publish).stdout)
    assert all(m["result"] == "unchanged" for m in out["marts"]), out

    # The files' names as a reader of the lake knows them, hidden ones left out.
    hdfs("fs", "-put", "lake/gold/churn/part-0.parquet", "/user/gold/churn/_part-1.parquet")
    hdfs("fs", "-put", "lake/gold/churn/part-0.parquet", "/user/gold/churn/.part-1.parquet")
    expect_same(server, "lake", ["churn"])

    # ClickHouse reads another file than the lake has: the totals tell.
    hdfs("fs", "-put", "lake/gold/churn/part-0.parquet", "/user/gold/churn/part-1.parquet")
    bad = server.publish("lake", *publish, check=False)
    assert bad.returncode == 1 and "churn" in bad.stderr and "rows" in bad.stderr, bad
    hdfs("fs", "-rm", "-skipTrash", "/user/gold/churn/part-1.parquet")

    # A mart whose file lacks a column, or has NULLs where the table has none: an error, never zeros.
    lakefm("lake", "sql", "--allow", ".", "-c", "copy (select week, active_users, churned_users from gold.churn) to 'less.parquet' (format parquet)")
    hdfs("fs", "-put", "-f", "less.parquet", "/user/gold/churn/part-0.parquet")
    status, text = server.ask("SELECT sum(cancelled_users) FROM Spotify.churn")
    assert status != 200, text
    lakefm("lake", "sql", "--allow", ".", "-c", "copy (select * replace (null::bigint as active_users) from gold.churn) to 'nulls.parquet' (format parquet)")
    hdfs("fs", "-put", "-f", "nulls.parquet", "/user/gold/churn/part-0.parquet")
    status, text = server.ask("SELECT sum(active_users) FROM Spotify.churn")
    assert status != 200 and "Code: 349" in text, text
    put()
    expect_same(server, "lake")

    # New events: the tables read the new files; nothing has to be made anew.
    simulated = lakefm("lake", "simulate", "--config", TESTS.parent / "examples/eventsim.json", "--seed", 5, "--users", 50, "--from", "2025-12-05T00:00:00",
                       "--to", "2025-12-08T00:00:00", "--out", "more")
    lakefm("lake", "ingest", *sorted(map(str, pathlib.Path("more").glob("*.json"))))
    lakefm("lake", "refine")
    lakefm("lake", "build")
    put()
    expect_same(server, "lake")
    out = json.loads(server.publish("lake", *publish).stdout)
    assert all(m["result"] == "unchanged" for m in out["marts"]), out

    # HDFS down: an error within seconds; up again: answers, without a restart of ClickHouse.
    hdfs("kill-namenode")
    started = time.time()
    status, text = server.ask("SELECT count() FROM Spotify.churn")
    assert status != 200 and time.time() - started < 30, (status, time.time() - started)
    hdfs("up")
    end = time.time() + 60
    while server.ask("SELECT count() FROM Spotify.churn")[0] != 200 and time.time() < end:
        time.sleep(1)
    expect_same(server, "lake", ["churn"])
finally:
    if server:
        server.process.kill()
    hdfs("down", check=False)
