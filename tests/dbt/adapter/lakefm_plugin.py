"""dbt's own adapter tests (PyPI: dbt-tests-adapter) with lakefm in dbt's place.

A pytest plugin (-p lakefm_plugin, LAKEFM_TEST_PROGRAM=path): run_dbt() of the tests runs the program on the test's project;
what the tests look at afterwards comes out of the artifacts it wrote, read by dbt's own classes, so that the suite is also
their consumer. The tests' SQL still goes through dbt-duckdb, on the same file, while the program does not run.
"""
import gc
import json
import os
import subprocess
import time

import dbt.tests.util as util
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import FACTORY
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.results import NodeStatus, RunStatus, TestStatus
from dbt.contracts.graph.manifest import Manifest
from dbt.exceptions import CompilationError, DbtRuntimeError, ParsingError

PROGRAM = os.environ["LAKEFM_TEST_PROGRAM"]
RESULTS = ("build", "run", "test", "seed", "snapshot", "compile", "show", "retry", "clone", "run-operation")


class Failed(ParsingError, CompilationError):
    def __init__(self, text):
        DbtRuntimeError.__init__(self, text)


class Result:
    """One entry of run_results.json with the node of manifest.json."""

    def __init__(self, entry, node):
        self.node = node
        self.status = entry["status"]
        for kind in (RunStatus, TestStatus, NodeStatus):
            if entry["status"] in [s.value for s in kind]:
                self.status = kind(entry["status"])
                break
        self.message, self.failures = entry["message"], entry["failures"]
        self.adapter_response, self.timing = entry["adapter_response"], entry["timing"]
        self.execution_time, self.thread_id = entry["execution_time"], entry["thread_id"]
        self.unique_id = entry["unique_id"]
        self.batch_results = entry.get("batch_results")
        for key in ("compiled_code", "relation_name"):
            setattr(self, key, entry[key])
        if entry["compiled_code"] is not None and hasattr(node, "compiled_code"):
            node.compiled_code = entry["compiled_code"]


class Results(list):
    def __init__(self, items, args):
        super().__init__(items)
        self.results, self.args = list(items), args


def target(project):
    return os.path.join(project, "target")


def release():
    """The program needs the database file for itself."""
    for adapter in FACTORY.adapters.values():
        for connection in adapter.connections.thread_connections.values():
            connection.handle = None
        adapter.cleanup_connections()
    with DuckDBConnectionManager._LOCK:
        env = DuckDBConnectionManager._ENV
        DuckDBConnectionManager._ENV = None
    if env is not None:
        env.close()
    del env
    gc.collect()


def places():
    from dbt.flags import get_flags

    flags = get_flags()
    return str(getattr(flags, "PROJECT_DIR", None) or os.getcwd()), getattr(flags, "PROFILES_DIR", None)


def invoke(args):
    args = list(args if args is not None else ["run"])
    project, profiles = places()
    if "--project-dir" in args:
        project = args[args.index("--project-dir") + 1]
    elif project:
        args += ["--project-dir", project]
    if profiles and "--profiles-dir" not in args:
        args += ["--profiles-dir", str(profiles)]
    while args and args[0].startswith("--"):  # global flags may stand before the verb; of these tests none takes a value
        if args[0] in ("--log-format", "--warn-error-options", "--log-path"):
            args = args[2:] + args[:2]
        else:
            args = args[1:] + args[:1]
    release()
    for name in ("run_results.json",):
        path = os.path.join(target(project), name)
        if os.path.exists(path) and args[0] != "retry":
            os.remove(path)
    env = dict(os.environ)
    if abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) > 60:  # freezegun
        env["LAKEFM_NOW_MS"] = str(int(time.time() * 1000))
    done = subprocess.run([PROGRAM] + args, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    return args, project, done.returncode, done.stdout


def manifest_of(project):
    path = os.path.join(target(project), "manifest.json")
    if not os.path.exists(path):
        return None
    return Manifest.from_writable_manifest(WritableManifest.read_and_check_versions(path))


def results_of(project):
    with open(os.path.join(target(project), "run_results.json"), encoding="utf-8") as f:
        doc = json.load(f)
    manifest = manifest_of(project)
    out = []
    for entry in doc["results"]:
        uid = entry["unique_id"]
        out.append(Result(entry, manifest.nodes.get(uid) or manifest.unit_tests.get(uid) or manifest.sources.get(uid)))
    return Results(out, doc["args"])


def answer(args, project, text):
    verb = args[0]
    if verb in ("ls", "list"):
        return text.splitlines()
    if verb == "docs":
        return CatalogArtifact.read_and_check_versions(os.path.join(target(project), "catalog.json"))
    if verb == "parse":
        return manifest_of(project)
    if verb in RESULTS and os.path.exists(os.path.join(target(project), "run_results.json")):
        return results_of(project)
    return Results([], {})


def run_dbt(args=None, expect_pass=True, callbacks=None):
    args, project, code, text = invoke(args)
    if code == 2:
        raise Failed(text)
    if expect_pass is not None:
        assert (code == 0) == expect_pass, text
    return answer(args, project, text)


def run_dbt_and_capture(args=None, expect_pass=True):
    args, project, code, text = invoke(args)
    if code == 2:
        raise Failed(text)
    if expect_pass is not None:
        assert (code == 0) == expect_pass, text
    return answer(args, project, text), text


util.run_dbt = run_dbt
util.run_dbt_and_capture = run_dbt_and_capture
util.get_manifest = manifest_of
