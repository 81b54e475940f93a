"""Real clients at the embedded ClickHouse, as user bi: they connect, list, query with parameters, read all types, read errors.
clickhouse-connect, clickhouse-driver, @clickhouse/client, clickhouse-jdbc (two versions), clickhouse-go (HTTP, native)."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from lib_clickhouse import TESTS, Embedded, lakefm, make_lake, marts, need_library

need_library()
CLIENTS = TESTS / "cluster/clients"
HOME = pathlib.Path(os.environ["SERVICES_HOME"])
queries = json.loads((CLIENTS / "queries.json").read_text())
types = "SELECT " + ", ".join(f"{text} AS {name}" for name, text, _ in queries["types"])
env = {**os.environ, "npm_config_cache": str(HOME / "npm"), "GOPATH": str(HOME / "go"), "GOCACHE": str(HOME / "go-build"), "GOFLAGS": "-mod=mod",
       "PIP_CACHE_DIR": str(HOME / "pip"), "GOTOOLCHAIN": "local"}


def must(*words, cwd=None):
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return done.stdout


def once(name, files, make):
    """A folder made once for these files' contents, by make(folder); kept in SERVICES_HOME."""
    digest = hashlib.sha256(b"".join((CLIENTS / f).read_bytes() for f in files)).hexdigest()[:12]
    folder = HOME / f"{name}-{digest}"
    if not folder.exists():
        part = HOME / f"{name}-{digest}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for f in files:
            shutil.copy(CLIENTS / f, part)
        make(part)
        part.rename(folder)
    return folder


def python():
    def make(folder):
        must(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", folder / "v")
        must(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", folder / "packages", "-r", folder / "requirements.txt")
    folder = once("clients-python", ["requirements.txt"], make)
    return [sys.executable, CLIENTS / "connect.py"], {"PYTHONPATH": str(folder / "packages")}


def js():
    folder = once("clients-js", ["package.json", "package-lock.json", "client.mjs"], lambda f: must("npm", "ci", "--silent", cwd=f))
    return ["node", folder / "client.mjs"], {}


def jdbc(version):
    def make(folder):
        must("mvn", "-B", "-q", "-f", folder / "pom.xml", f"-Djdbc={version}", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
             f"-DoutputDirectory={folder}/jars")
    folder = once(f"clients-jdbc-{version}", ["pom.xml"], make)
    return ["java", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{folder}/jars/*", CLIENTS / "Jdbc.java"], {}


def go():
    found = re.search(r"go1\.(\d+)", must("go", "version"))
    if not found or int(found.group(1)) < 26:
        return None, "its Go is older than 1.26"
    folder = once("clients-go", ["go.mod", "go.sum", "main.go"], lambda f: must("go", "build", "-o", "client", ".", cwd=f))
    return [folder / "client"], {}


make_lake("lake")
server = Embedded("lake")
ok = []
try:
    count = len(marts("lake"))
    server.wait_for("SELECT count() FROM system.tables WHERE database = 'Spotify'", count, 60)
    duck = lakefm("lake", "sql", "--format", "csv", "-c", "select (select sum(listen_count) from daily_user_listen_counts where month = 11 and userId in (98, 8, 41)), "
                  "(select count(*) from listening_days)").stdout.splitlines()[1].split(",")
    want = {"tables": marts("lake"), "listens": int(duck[0]), "rows": int(duck[1]), "song": 0}
    assert want["listens"] > 0
    expected = {name: value for name, _, value in queries["types"]}
    version = server.one("SELECT version()")

    def same(name, got):
        value = expected[name]
        if name in ("d", "d32", "t", "t3"):
            return re.sub(r"\D", "", got).ljust(len(value), "0")[:len(value)] == value
        if name in ("i128",):
            return got.replace(",", "") == value
        return got == value

    for what, needs, make in [("python", "python3", python), ("js", "node", js), ("jdbc 0.10.0", "java", lambda: jdbc("0.10.0")),
                              ("jdbc 0.9.4", "java", lambda: jdbc("0.9.4")), ("go", "go", go)]:
        if not shutil.which(needs):
            print(f"{what}: not run, there is no {needs}")
            continue
        command, more = make()
        if command is None:
            print(f"{what}: not run, {more}")
            continue
        done = subprocess.run([*map(str, command), "127.0.0.1", str(server.port), str(server.tcp_port), types], env={**env, **more}, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, f"{what}: exit {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"
        for client, got in json.loads(done.stdout.strip().splitlines()[-1]).items():
            assert version.startswith(got["version"].split(" ")[0].rstrip(".")[:4]), (client, got["version"], version)
            for key, value in want.items():
                assert got[key] == value, f"{client}: {key} is {got[key]}, expected {value}"
            wrong = {n: (got["types"].get(n), v) for n, v in expected.items() if not same(n, got["types"].get(n, ""))}
            assert not wrong, f"{client}: types read wrongly: {wrong}"
            assert "497" in got.get("error", ""), f"{client}: INSERT gave {got.get('error')}"
            ok.append(f"{what}/{client}")
            print(f"{what}, {client}: {len(got['tables'])} tables, {got['rows']} rows, {len(expected)} types")
    assert server.process.poll() is None
finally:
    server.process.terminate()
    server.process.wait(30)
assert len(ok) >= 3, f"only {ok} could be run"
print("passed:", ", ".join(ok))
