#!/usr/bin/env python3
"""Our own project under real dbt gives what `lakefm build` gives, row by row: from nothing, and after a second batch.

    gold_real.py PROGRAM DBT        DBT: the dbt of a virtual environment with dbt-duckdb
"""
import gzip
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import duckdb

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOPICS = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
PROGRAM, DBT = (str(pathlib.Path(p).absolute()) for p in sys.argv[1:3])


def run(words, **more):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def halves(work):
    """The golden sample's topics, each cut in two files."""
    for topic in TOPICS:
        lines = gzip.open(ROOT / "tests" / "golden" / "eventsim" / f"{topic}.json.gz").read().splitlines(keepends=True)
        for part, some in enumerate((lines[: len(lines) // 2], lines[len(lines) // 2 :])):
            folder = work / f"part{part}"
            folder.mkdir(exist_ok=True)
            with gzip.open(folder / f"{topic}.json.gz", "wb", compresslevel=1) as f:
                f.write(b"".join(some))


def table(path):
    rel = duckdb.sql(f"select * from read_parquet('{path}/*.parquet')")
    return rel.columns, [str(t) for t in rel.types], sorted(rel.fetchall(), key=repr)


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-11) or (math.isnan(a) and math.isnan(b))
    return a == b


def compare(what, ours, theirs):
    names = sorted(p.name for p in (ours / "gold").iterdir() if p.is_dir())
    assert names == sorted(p.name for p in (theirs / "gold").iterdir() if p.is_dir()), names
    rows = 0
    for name in names:
        a, b = table(ours / "gold" / name), table(theirs / "gold" / name)
        assert a[:2] == b[:2], f"{what}, {name}: {a[:2]} {b[:2]}"
        assert len(a[2]) == len(b[2]), f"{what}, {name}: {len(a[2])} rows, real dbt {len(b[2])}"
        for x, y in zip(a[2], b[2]):
            assert all(map(same, x, y)), f"{what}, {name}: {x}, real dbt {y}"
        rows += len(a[2])
    print(f"{what}: {len(names)} marts, {rows} rows equal")


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="golddbt"))
    try:
        halves(work)
        project = work / "dbt"
        shutil.copytree(ROOT / "dbt", project, ignore=shutil.ignore_patterns("target", "logs", "*.duckdb*"))
        ours, theirs = work / "ours", work / "theirs"
        for part, what in enumerate(("from nothing", "a second batch")):
            for lake in (ours, theirs):
                run([PROGRAM, "--lake", lake, "ingest", work / f"part{part}"])
                run([PROGRAM, "--lake", lake, "refine"])
            run([PROGRAM, "--lake", ours, "build"])
            for mart in (ours / "gold").iterdir():  # dbt-duckdb writes files, but makes no folders
                (theirs / "gold" / mart.name).mkdir(parents=True, exist_ok=True)
            run([DBT, "build", "--project-dir", ".", "--profiles-dir", "."], cwd=project,
                env={**os.environ, "LAKEFM_LAKE": str(theirs), "DO_NOT_TRACK": "1", "TZ": "UTC"})
            compare(what, ours, theirs)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
