#!/usr/bin/env python3
"""lakefm against dbt-core with dbt-duckdb, on the same projects, one after the other.

    dbt.py PROGRAM DBT [LAKE]    LAKE: one with silver, for the no-change build of our own project

Prints wall seconds: best of three of lakefm, one run of dbt after a first one that warms its caches.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, DBT = (str(pathlib.Path(p).absolute()) for p in sys.argv[1:3])
ENV = {**os.environ, "DO_NOT_TRACK": "1", "NO_COLOR": "1"}


def timed(words, cwd, env=ENV):
    start = time.perf_counter()
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{words}: exit {done.returncode}\n{done.stdout}")
    return took


def best(words, cwd, before=lambda: None, times=3):
    out = []
    for _ in range(times):
        before()
        out.append(timed(words, cwd))
    return min(out)


def fresh(project):
    for path in list(project.glob("*.duckdb*")) + [project / "target"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def line(what, ours, theirs=None):
    print(f"{what:48} lakefm {ours:8.3f} s" + (f"   dbt {theirs:7.2f} s   {theirs / ours:6.0f} times" if theirs else ""), flush=True)


def builds(work):
    where = ["--project-dir", ".", "--profiles-dir", "."]
    for name in ("bookshop", "memberships"):
        project = work / name
        shutil.copytree(ROOT / "tests" / "dbt" / "conformance" / name / "project", project)
        timed([DBT, "seed", *where], project)
        (project / "dev.duckdb").unlink()
        timed([DBT, "seed", *where], project)
        theirs = timed([DBT, "build", *where], project)
        def seeded():
            fresh(project)
            timed([PROGRAM, "seed", *where], project)
        line(f"full build, {name}", best([PROGRAM, "build", *where], project, seeded), theirs)


def thousand(work):
    project = work / "thousand"
    (project / "models").mkdir(parents=True)
    (project / "macros").mkdir()
    (project / "dbt_project.yml").write_text("name: t\nprofile: t\nmodels: {t: {+materialized: view}}\n")
    (project / "profiles.yml").write_text("t: {target: dev, outputs: {dev: {type: duckdb, path: dev.duckdb}}}\n")
    (project / "macros" / "m.sql").write_text("{% macro cents(c) %}({{ c }} * 100)::bigint{% endmacro %}")
    for i in range(1000):
        refs = [f"m{j:04}" for j in (i // 2, i - 1) if 0 <= j < i]
        body = "\n".join(f"  union all select a, {{{{ cents('b') }}}} from {{{{ ref('{r}') }}}}" for r in refs)
        (project / "models" / f"m{i:04}.sql").write_text(
            "{{ config(tags=['x']) }}\n{% set cols = ['a', 'b', 'c'] %}\nselect 1 as a, 2 as b\n" + body +
            "\n-- {% for c in cols %}{{ c | upper }}{{ ', ' if not loop.last }}{% endfor %}\n")
    where = ["--project-dir", ".", "--profiles-dir", "."]
    line("parse 1,000 models", best([PROGRAM, "parse", "--no-write-json", *where], project), timed([DBT, "parse", "--no-partial-parse", *where], project))
    line("parse and render 1,000 models", best([PROGRAM, "compile", "--no-write-json", *where], project),
         timed([DBT, "compile", "--no-partial-parse", *where], project))


def unchanged(lake):
    project = pathlib.Path(tempfile.mkdtemp()) / "dbt"
    shutil.copytree(ROOT / "dbt", project, ignore=shutil.ignore_patterns("target", "logs", "*.duckdb*"))
    ours = [PROGRAM, "--lake", lake, "build"]
    timed(ours, project)
    theirs = shutil.copytree(lake, project.parent / "lake")
    env = {**ENV, "LAKEFM_LAKE": str(theirs)}
    dbt = [DBT, "build", "--project-dir", ".", "--profiles-dir", "."]
    timed(dbt, project, env)
    line("nothing new, our own project", best(ours, project), timed(dbt, project, env))
    shutil.rmtree(project.parent)


work = pathlib.Path(tempfile.mkdtemp(prefix="benchdbt"))
try:
    thousand(work)
    builds(work)
    if len(sys.argv) > 3:
        unchanged(pathlib.Path(sys.argv[3]).absolute())
finally:
    shutil.rmtree(work, ignore_errors=True)
