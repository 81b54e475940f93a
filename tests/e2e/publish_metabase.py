"""publish metabase against the stand-in: first sign-up, sign-in, API key; made, unchanged, changed, kept; what people changed
stays; faults do not make twins; nothing that the API does not declare is sent."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

TESTS = pathlib.Path(os.environ["TESTS"])
sys.path.insert(0, str(TESTS / "metabase"))
from fake import Fake

NAMES = {"Daily User Listen Counts", "Top Songs by Play Count", "Mean Listening Time by Weekday"}


def publish(m, *words, check=True, env=None):
    signed = {"LAKEFM_METABASE_USER": "admin@example.com", "LAKEFM_METABASE_PASSWORD": "listen-4-ever"}
    done = subprocess.run([os.environ["LAKEFM"], "--set", f"metabase.url={m.url}", "publish", "metabase", "--json", "--clickhouse-for-metabase", "http://clickhouse:8123", *words],
                          capture_output=True, text=True, env={**os.environ, **(signed if env is None else env)})
    if not check:
        return done
    assert done.returncode == 0, done
    return {(t["kind"], t["name"]): t["result"] for t in json.loads(done.stdout)["things"]}


def state(m):
    return json.dumps([m.cards, m.dashboards, m.databases, m.collections], sort_keys=True)


with Fake(starting=2) as m:
    first = publish(m, "--wait", "30s")
    assert {n for k, n in first if k == "dashboard"} == NAMES == {n for k, n in first if k == "question"}, first
    assert set(first.values()) == {"made"}, first
    assert m.user == ("admin@example.com", "listen-4-ever")
    assert not m.undeclared, m.undeclared
    (db,) = m.databases.values()
    assert db["engine"] == "clickhouse" and db["details"] == {"host": "clickhouse", "port": 8123, "user": "default", "password": "", "dbname": "Spotify", "ssl": False,
                                                              "enable-multiple-db": False}, db
    daily = next(d for d in m.dashboards.values() if d["name"] == "Daily User Listen Counts")
    assert [p["slug"] for p in daily["parameters"]] == ["from", "to", "user_id"], daily["parameters"]
    (card,) = daily["dashcards"]
    widgets = {p["id"] for p in daily["parameters"]}
    assert {p["parameter_id"] for p in card["parameter_mappings"]} == widgets and card["size_x"] == 24
    tags = m.cards[card["card_id"]]["dataset_query"]["native"]["template-tags"]
    assert {t["type"] for t in tags.values()} == {"date", "number"} and {p["target"][1][1] for p in card["parameter_mappings"]} == set(tags)

    # Again, and with an API key: nothing changes.
    before = state(m)
    assert set(publish(m).values()) == {"unchanged"}
    assert set(publish(m, env={"LAKEFM_METABASE_API_KEY": "mb_test"}).values()) == {"unchanged"}
    assert state(m) == before

    # What people did lives on: another name and colour, a card and a filter of their own, a tab, a question of the same name elsewhere.
    mine = m.cards[card["card_id"]]
    mine["name"], mine["display"] = "Ours, renamed", "line"
    other = m.card_create({"name": "Mine", "display": "table", "dataset_query": {"database": db["id"], "type": "native", "native": {"query": "SELECT 1"}},
                           "visualization_settings": {}, "collection_id": None})[1]
    daily["tabs"] = [{"id": 5, "name": "One"}]
    card["dashboard_tab_id"], card["col"], card["size_x"] = 5, 4, 20
    daily["dashcards"].append({**card, "id": 999, "card_id": other["id"], "row": 20, "parameter_mappings": [], "card": other})
    daily["parameters"].append({"id": "theirs", "name": "State", "slug": "state", "type": "string/="})
    before = state(m)
    assert set(publish(m).values()) == {"unchanged"}
    assert state(m) == before

    # A definition changes: that question and its dashboard follow, the rest stays.
    own = pathlib.Path("own")
    shutil.copytree(TESTS.parent / "dashboards", own)
    text = (own / "listening.yml").read_text()
    (own / "listening.yml").write_text(text.replace("        - {slug: user_id, name: User, type: number}\n", "        - {slug: user_id, name: Listener, type: number}\n", 1))
    got = publish(m, "--dashboards", "own")
    assert {k: v for k, v in got.items() if v == "changed"} == {("question", "Daily User Listen Counts"): "changed", ("dashboard", "Daily User Listen Counts"): "changed"}, got
    assert mine["name"] == "Ours, renamed" and mine["dataset_query"]["native"]["template-tags"]["user_id"]["display-name"] == "Listener"
    ours, theirs = daily["dashcards"]
    assert (ours["id"], ours["col"], ours["size_x"], ours["dashboard_tab_id"]) == (card["id"], 4, 20, 5), ours
    assert (theirs["id"], theirs["card_id"]) == (999, other["id"])
    assert [p["slug"] for p in daily["parameters"]] == ["from", "to", "user_id", "state"] and daily["tabs"] == [{"id": 5, "name": "One"}]
    assert not m.undeclared, m.undeclared

    # A dashboard that somebody has taken over (the stamp is gone) is used, never changed.
    top = next(d for d in m.dashboards.values() if d["name"] == "Top Songs by Play Count")
    top["description"] = "My favourite"
    before = state(m)
    assert publish(m, "--dashboards", "own")[("dashboard", "Top Songs by Play Count")] == "kept"
    assert state(m) == before

    # Refusals.
    out = publish(m, check=False, env={"LAKEFM_METABASE_USER": "admin@example.com", "LAKEFM_METABASE_PASSWORD": "wrong"})
    assert out.returncode == 2 and "did not match stored password" in out.stderr and "metabase.user" in out.stderr and "wrong" not in out.stderr, out
    out = publish(m, check=False, env={})
    assert out.returncode == 2 and "who signs in" in out.stderr, out
    out = publish(m, check=False, env={"LAKEFM_METABASE_API_KEY": "mb_no"})
    assert out.returncode == 2 and "401" in out.stderr, out
    m.run_query = lambda sql, parameters: 1 / 0
    out = publish(m, check=False)
    assert out.returncode == 1 and "does not run in Metabase" in out.stderr, out

# Every request that makes something is cut after it was carried out, refused for the moment, or meets the end of the session:
# no twins, and the next run finds all in order.
for fault in ("cut", "503", "429", "401"):
    for method, path in [("POST", "/api/setup"), ("POST", "/api/database"), ("POST", "/api/collection"), ("POST", "/api/card"), ("POST", "/api/dashboard"),
                         ("PUT", "/api/dashboard"), ("GET", "/api/collection")]:
        if fault == "401" and path == "/api/setup":
            continue
        with Fake() as m:
            m.faults.append((method, path, fault))
            out = publish(m, check=False)
            assert not m.faults, (fault, method, path)
            if out.returncode:
                publish(m)
            again = publish(m)
            assert set(again.values()) == {"unchanged"}, (fault, method, path, again, out.stderr)
            assert (len(m.cards), len(m.dashboards), len(m.databases), len(m.collections)) == (3, 3, 1, 1), (fault, method, path, out.stderr)
            assert all(len(d["dashcards"]) == 1 for d in m.dashboards.values()), (fault, method, path)
            assert not m.undeclared
with Fake() as m:
    m.faults.append(("POST", "/api/card", "refuse"))
    out = publish(m, check=False)
    assert out.returncode == 1 and "name: refused for the test" in out.stderr, out
    out = subprocess.run([os.environ["LAKEFM"], "publish", "metabase", "--dry-run"], capture_output=True, text=True)
    assert out.returncode == 0 and "makeDate(year, month, day)" in out.stdout
    pathlib.Path("bad").mkdir()
    pathlib.Path("bad/x.yml").write_text("charts:\n  - id: a\n    title: A\n    metabase: {display: barchart, sql: select 1}\n")
    out = publish(m, "--dashboards", "bad", check=False)
    assert out.returncode == 1 and "bad/x.yml:4" in out.stderr, out
