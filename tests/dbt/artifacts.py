#!/usr/bin/env python3
"""The artifacts that lakefm writes, read by others: validated against dbt's own JSON schemas (of the classes in dbt-core),
parsed by dbt-artifacts-parser, and used as --state by real dbt; real dbt's used as --state by lakefm.

    artifacts.py PROGRAM DBT [PROJECT…]     PROJECT: names in conformance/
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import jsonschema
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.freshness import FreshnessExecutionResultArtifact
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.run import RunResultsArtifact
from dbt_artifacts_parser.parser import parse_catalog, parse_manifest, parse_run_results, parse_sources

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM, DBT = (str(pathlib.Path(p).absolute()) for p in sys.argv[1:3])
KINDS = {"manifest": (WritableManifest, parse_manifest), "run_results": (RunResultsArtifact, parse_run_results),
         "catalog": (CatalogArtifact, parse_catalog), "sources": (FreshnessExecutionResultArtifact, parse_sources)}


def run(program, project, *words, codes=(0, 1)):
    done = subprocess.run([program, *words, "--project-dir", ".", "--profiles-dir", "."], cwd=project, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "DO_NOT_TRACK": "1", "NO_COLOR": "1", "TZ": "UTC"})
    if done.returncode not in codes:
        raise SystemExit(f"{program} {' '.join(words)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def check(path):
    """One artifact by its schema, by dbt's class and by the parser."""
    cls, parse = KINDS[path.stem]
    doc = json.loads(path.read_text())
    errors = list(jsonschema.Draft202012Validator(cls.json_schema()).iter_errors(doc))
    assert not errors, f"{path}: " + "; ".join(f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in errors[:5])
    cls.read_and_check_versions(str(path))
    parse(doc)
    return doc


def lay_out(name, work):
    project = work / name
    shutil.copytree(HERE / "conformance" / name / "project", project, ignore=shutil.ignore_patterns("target", "*.duckdb*", "logs"))
    if (project / "packages.yml").exists():
        run(PROGRAM, project, "deps", codes=(0,))
    return project


def artifacts(name, work):
    project = lay_out(name, work)
    run(PROGRAM, project, "seed")
    run(PROGRAM, project, "build")
    for kind in ("manifest", "run_results"):
        check(project / "target" / f"{kind}.json")
    run(PROGRAM, project, "docs", "generate")
    manifest, catalog = check(project / "target" / "manifest.json"), check(project / "target" / "catalog.json")
    tables = [k for k, n in manifest["nodes"].items() if k in catalog["nodes"] and n["columns"]]
    print(f"{name}: manifest {len(manifest['nodes'])} nodes, catalog {len(catalog['nodes'])} relations, {len(tables)} described: valid")
    return project


def freshness(work):
    project = lay_out("bookshop", work / "fresh")
    run(PROGRAM, project, "seed")
    (project / "models" / "fresh.yml").write_text("""
sources:
  - name: fresh
    schema: main
    config: {loaded_at_field: "cast('2024-01-01' as timestamp)", freshness: {warn_after: {count: 1, period: day}}}
    tables: [{name: raw_books}, {name: raw_orders, config: {loaded_at_field: "now()"}},
             {name: raw_readers, config: {freshness: {error_after: {count: 1, period: hour}}}}]
""")
    verdicts = []
    for program in (PROGRAM, DBT):
        run(program, project, "source", "freshness", codes=(1,))
        doc = check(project / "target" / "sources.json")
        verdicts.append({r["unique_id"]: (r["status"], r["criteria"]) for r in doc["results"]})
    assert verdicts[0] == verdicts[1], verdicts
    print(f"source freshness: {len(verdicts[0])} verdicts as real dbt's")


def listed(program, project, *words):
    return sorted(line for line in run(program, project, "-q" if program == DBT else "ls", *(["ls"] if program == DBT else []),
                                       *words, codes=(0,)).splitlines() if "." in line and " " not in line)


def state(work):
    """What has changed since another run, with either's artifacts, asked of either."""
    project = lay_out("bookshop", work / "state")
    folders = {}
    for who, program in (("lakefm", PROGRAM), ("dbt", DBT)):
        run(program, project, "build")
        folders[who] = project / f"state_{who}"
        shutil.copytree(project / "target", folders[who])
        shutil.rmtree(project / "target")
    with open(project / "models" / "staging" / "stg_orders.sql", "a") as f:
        f.write("\n-- changed\n")
    (project / "models" / "marts" / "fresh_one.sql").write_text("select 1 as a from {{ ref('stg_books') }}")
    macro = next((project / "macros").rglob("*.sql"))
    macro.write_text(macro.read_text().replace("%}", "%} ", 1))
    asked = 0
    for selector in ("state:modified.body", "state:new", "state:modified.body+", "state:old", "state:modified.relation", "state:modified", "state:modified.macros",
                     "state:unmodified,resource_type:seed"):
        want = listed(DBT, project, "-s", selector, "--state", str(folders["dbt"]))
        for who in folders:
            got = listed(PROGRAM, project, "-s", selector, "--state", str(folders[who]))
            assert got == want, f"{selector}, state of {who}: {got}, real dbt {want}"
            asked += 1
        if selector in ("state:new", "state:modified.body"):  # dbt compares its own macros too, which lakefm does not have
            mine = listed(DBT, project, "-s", selector, "--state", str(folders["lakefm"]))
            assert mine == want, f"{selector}: real dbt with lakefm's state {mine}, with its own {want}"
            asked += 1
    print(f"state: {asked} selections agree, each with the other's artifacts")


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="dbtart"))
    try:
        for name in sys.argv[3:] or ("memberships", "warehouse"):
            artifacts(name, work)
        if not sys.argv[3:]:
            freshness(work)
            state(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
