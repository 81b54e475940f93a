"""publish metabase behind prism (every request and answer checked against openapi.json), read back by Metabase's own command line
client, its SQL run by a real ClickHouse. With METABASE_URL, METABASE_USER, METABASE_PASSWORD: against that server instead."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from lib_clickhouse import LAKEFM, TESTS, Embedded, free_port, make_lake, marts, need_library, skip

sys.path.insert(0, str(TESTS / "metabase"))
from fake import Fake

HOME = pathlib.Path(os.environ["SERVICES_HOME"])
NAMES = {"Daily User Listen Counts", "Top Songs by Play Count", "Mean Listening Time by Weekday"}


def publish(url, click, user="admin@example.com", password="listen-4-ever"):
    done = subprocess.run([LAKEFM, "--set", f"metabase.url={url}", "--set", "clickhouse.user=bi", "publish", "metabase", "--json", "--wait", "60s",
                           "--clickhouse-for-metabase", click], capture_output=True, text=True,
                          env={**os.environ, "LAKEFM_METABASE_USER": user, "LAKEFM_METABASE_PASSWORD": password})
    assert done.returncode == 0, done
    return {(t["kind"], t["name"]): t["result"] for t in json.loads(done.stdout)["things"]}


if os.environ.get("METABASE_URL"):
    click = os.environ.get("METABASE_CLICKHOUSE", "http://clickhouse:8123")
    who = (os.environ["METABASE_USER"], os.environ["METABASE_PASSWORD"])
    got = publish(os.environ["METABASE_URL"], click, *who)
    assert {n for k, n in got if k == "dashboard"} == NAMES, got
    again = publish(os.environ["METABASE_URL"], click, *who)
    assert set(again.values()) <= {"unchanged", "kept"}, again
    print("a real Metabase:", got)
    sys.exit(0)

need_library()
if not shutil.which("npm"):
    skip("there is no npm")
files = [TESTS / "metabase/package.json", TESTS / "metabase/package-lock.json"]
tools = HOME / ("metabase-tools-" + hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12])
if not tools.exists():
    part = HOME / "metabase-tools.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for f in files:
        shutil.copy(f, part)
    done = subprocess.run(["npm", "ci", "--silent"], cwd=part, capture_output=True, text=True, env={**os.environ, "npm_config_cache": str(HOME / "npm")})
    if done.returncode:
        raise SystemExit("npm ci: " + done.stdout + done.stderr)
    part.rename(tools)

make_lake("lake")
server = Embedded("lake")
prism = None
ran = []


def run_query(sql, parameters):
    """As Metabase would: optional parts without a value go."""
    values = {p["target"][1][1]: p["value"] for p in parameters}
    text = re.sub(r"\[\[(.*?)\]\]", lambda m: m[1] if all(v in values for v in re.findall(r"{{(\w+)}}", m[1])) else "", sql, flags=re.S)
    text = re.sub(r"{{(\w+)}}", lambda m: repr(values[m[1]]) if not isinstance(values[m[1]], str) or "-" not in values[m[1]] else f"toDate('{values[m[1]]}')", text)
    status, out = server.ask(text + " FORMAT JSONCompact", user="bi", settings={"database": "Spotify"})
    if status != 200:
        raise ValueError(out)
    out = json.loads(out)
    ran.append((text, out["rows"]))
    return out["data"], [c["name"] for c in out["meta"]]


try:
    server.wait_for("SELECT count() FROM system.tables WHERE database = 'Spotify'", len(marts("lake")), 60)
    with Fake(run_query) as m:
        port = free_port()
        log = open("prism.log", "w+")
        prism = subprocess.Popen([tools / "node_modules/.bin/prism", "proxy", TESTS / "metabase/openapi.json", m.url, "--errors", "-p", str(port)], stdout=log,
                                 stderr=subprocess.STDOUT)
        end = time.time() + 90
        while "listening" not in pathlib.Path("prism.log").read_text():
            assert prism.poll() is None and time.time() < end, pathlib.Path("prism.log").read_text()
            time.sleep(0.2)
        url = f"http://127.0.0.1:{port}"
        got = publish(url, server.url)
        assert {n for k, n in got if k == "dashboard"} == NAMES and set(got.values()) == {"made"}, got
        assert set(publish(url, server.url).values()) == {"unchanged"}
        assert not m.undeclared, m.undeclared
        assert len(ran) == 6 and all(rows > 0 for _, rows in ran), ran

        # The filters, on the real engine.
        for card in m.cards.values():
            for tag in card["parameters"]:
                value = {"date/single": "2025-11-10", "number/=": 98, "string/=": "Coldplay"}[tag["type"]]
                rows, _ = run_query(card["dataset_query"]["native"]["query"], [{"type": tag["type"], "target": tag["target"], "value": value}])
                whole, columns = run_query(card["dataset_query"]["native"]["query"], [])
                assert rows != whole, (card["name"], tag["slug"])
                used = card["visualization_settings"]
                assert set(used["graph.dimensions"] + used["graph.metrics"]) <= set(columns), (used, columns)

        # prism refuses what is wrong: the check itself can fail.
        m.dashboards[next(iter(m.dashboards))].pop("parameters")
        bad = subprocess.run(["curl", "-s", "-H", "X-API-Key: mb_test", f"{url}/api/dashboard/{next(iter(m.dashboards))}"], capture_output=True, text=True).stdout
        assert "parameters" in bad and "violation" in bad.lower(), bad
        m.dashboards[next(iter(m.dashboards))]["parameters"] = []

        # Metabase's own client reads it.
        def mb(*words):
            done = subprocess.run([tools / "node_modules/.bin/mb", *map(str, words), "--json"], capture_output=True, text=True, env={**os.environ, "MB_URL": m.url, "MB_API_KEY": "mb_test"})
            assert done.returncode == 0, (words, done.stdout[-800:], done.stderr[-800:])
            return done.stdout

        for i, d in m.dashboards.items():
            assert d["name"] in mb("dashboard", "get", i)
        for i, c in m.cards.items():
            assert c["display"] in mb("card", "get", i)
            mb("card", "query", i)
        assert "lakefm gold" in mb("db", "list")
        print(len(m.log), "requests;", len(ran), "queries on ClickHouse")
finally:
    if prism:
        prism.terminate()
        prism.wait(20)
    server.process.terminate()
    server.process.wait(30)
