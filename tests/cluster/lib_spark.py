"""What the tests with Spark share: the Python with PySpark and dbt (scripts/deps-spark.sh), jars, lakes of the golden sample.

A test runs itself again under that Python by `python()`. VENV_SPARK: where it is, by default build/venv-spark."""
import gzip
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(os.environ["TESTS"])
ROOT = TESTS.parent
LAKEFM = os.environ["LAKEFM"]
TOPICS = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
VENV = pathlib.Path(os.environ.get("VENV_SPARK") or ROOT / "build" / "venv-spark")


def python():
    """Under the Python with PySpark from here on; SPARK_JARS says where the jars are."""
    if os.environ.get("SPARK_JARS"):
        return
    done = subprocess.run([ROOT / "scripts" / "deps-spark.sh"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print("scripts/deps-spark.sh could not install Spark")
        sys.exit(77)
    os.environ["SPARK_JARS"] = done.stdout.strip()
    os.environ["PATH"] = f"{VENV / 'bin'}:{os.environ['PATH']}"
    os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])


def lakefm(lake, *words, check=True):
    done = subprocess.run([LAKEFM, "--lake", str(lake), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"lakefm {' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout[-4000:]}{done.stderr}")
    return done.stdout if check else done


def halves(folder):
    """The golden sample in two deliveries: folder/1 and folder/2, each with the four topics."""
    for topic in TOPICS:
        lines = gzip.open(TESTS / "golden" / "eventsim" / f"{topic}.json.gz").read().splitlines(keepends=True)
        for n, part in (("1", lines[: len(lines) // 2]), ("2", lines[len(lines) // 2 :])):
            path = pathlib.Path(folder, n, f"{topic}.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(part))


def same_marts(a, b, expected=None):
    """Every mart of folder a is in b: columns, types, rows, their order; doubles to the last bit. Returns their number."""
    import duckdb

    db = duckdb.connect()
    marts = sorted(p.name for p in pathlib.Path(a).iterdir())
    for mart in marts:
        one, two = (f"read_parquet('{folder}/{mart}/*.parquet', hive_partitioning = false)" for folder in (a, b))
        types = [[row[:2] for row in db.execute(f"describe select * from {x}").fetchall()] for x in (one, two)]
        assert types[0] == types[1], f"{mart}: {types[0]} is not {types[1]}"
        rows = [db.execute(f"from {x}").fetchall() for x in (one, two)]
        assert len(rows[0]) == len(rows[1]), f"{mart}: {len(rows[0])} rows against {len(rows[1])}"
        for i, (x, y) in enumerate(zip(*rows)):
            assert x == y, f"{mart}, row {i}: {x} is not {y}"
        assert rows[0], f"{mart} is empty"
    assert len(marts) >= 17, marts
    return len(marts)


def dbt(target, lake, gold, state, *words):
    """Real dbt on our project; LAKEFM_LAKE may be a folder or hdfs://…"""
    project = pathlib.Path(state, "project")
    if not project.exists():
        subprocess.run(["cp", "-r", ROOT / "dbt", project], check=True)
    env = {**os.environ, "LAKEFM_LAKE": str(lake), "LAKEFM_GOLD": str(gold), "LAKEFM_SPARK_STATE": str(state),
           "LAKEFM_WAREHOUSE": f"{state}/warehouse.duckdb", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    done = subprocess.run(["dbt", "--quiet", *words, "--project-dir", project, "--profiles-dir", project, "--target", target],
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"dbt {target} {words}: exit {done.returncode}\n{done.stdout[-6000:]}"
