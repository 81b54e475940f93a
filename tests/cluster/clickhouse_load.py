"""publish clickhouse, modes load and file, on a real server: equal rows, idempotent, exchanged under readers, foreign tables,
refusals, faults."""
import json
import threading

from lib_clickhouse import Bare, duck_rows, expect_same, lakefm, make_lake, marts, need_library

need_library()
make_lake("lake")
server = Bare("clickhouse")
try:
    first = json.loads(server.publish("lake", "--mode", "load").stdout)
    assert {m["mart"] for m in first["marts"]} == set(marts("lake")), first
    assert all(m["result"] == "made" for m in first["marts"]), first
    print(expect_same(server, "lake"), "rows equal")
    types = {name: kind for name, kind in server.rows("SELECT name, type FROM system.columns WHERE database = 'Spotify' AND table = 'daily_user_listen_counts'")}
    assert types == {"userId": "Int64", "year": "UInt16", "month": "UInt8", "day": "UInt8", "listen_count": "UInt32"}, types
    assert server.one("SELECT engine FROM system.tables WHERE database = 'Spotify' AND name = 'churn'") == "MergeTree"
    assert server.one("SELECT type FROM system.columns WHERE database = 'Spotify' AND table = 'churn' AND name = 'churned_users'") == "Nullable(UInt32)"
    assert "lakefm load" in server.one("SELECT comment FROM system.tables WHERE database = 'Spotify' AND name = 'churn'")

    # Again: nothing to do. A table that someone has changed is loaded anew.
    ids = server.rows("SELECT name, uuid FROM system.tables WHERE database = 'Spotify' ORDER BY name")
    again = json.loads(server.publish("lake", "--mode", "load").stdout)
    assert all(m["result"] == "unchanged" for m in again["marts"]), again
    assert ids == server.rows("SELECT name, uuid FROM system.tables WHERE database = 'Spotify' ORDER BY name")
    assert server.ask("INSERT INTO Spotify.churn SELECT * FROM Spotify.churn LIMIT 1")[0] == 200
    mended = json.loads(server.publish("lake", "--mode", "load").stdout)
    assert {m["mart"] for m in mended["marts"] if m["result"] == "replaced"} == {"churn"}, mended
    expect_same(server, "lake", ["churn"])

    # Exchanged 20 times, between two modes, while three readers read: never an error, never anything but the whole.
    rows = len(duck_rows("lake", "daily_user_listen_counts"))
    want, bad, reads, done = f"{rows}\n", [], [0], threading.Event()

    def read():
        while not done.is_set():
            status, text = server.ask("SELECT count() FROM Spotify.daily_user_listen_counts")
            reads[0] += 1
            if status != 200 or text != want:
                bad.append((status, text))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for r in readers:
        r.start()
    for i in range(20):
        out = json.loads(server.publish("lake", "--mode", ("file", "load")[i % 2], "--select", "daily_user_listen_counts").stdout)
        assert out["marts"][0]["result"] == "replaced", out
    done.set()
    for r in readers:
        r.join()
    assert not bad, bad[:3]
    assert reads[0] > 20, reads
    print(reads[0], "reads during 20 exchanges")

    # Mode file: views that read the files at each query.
    server.publish("lake", "--mode", "file")
    expect_same(server, "lake")
    assert server.one("SELECT count() FROM system.tables WHERE database = 'Spotify' AND engine = 'View'") == len(marts("lake"))
    assert not server.rows("SELECT name FROM system.tables WHERE database = 'Spotify' AND name LIKE '%lakefm%'"), "left behind"

    # What is not ours and holds data stays.
    assert server.ask("DROP TABLE Spotify.churn")[0] == 200
    assert server.ask("CREATE TABLE Spotify.churn (mine UInt8) ENGINE = MergeTree ORDER BY mine")[0] == 200
    assert server.ask("INSERT INTO Spotify.churn VALUES (7)")[0] == 200
    refused = server.publish("lake", "--mode", "load", check=False)
    assert refused.returncode == 1 and "was not made by lakefm" in refused.stderr, refused
    assert server.one("SELECT mine FROM Spotify.churn") == 7
    server.publish("lake", "--mode", "load", "--replace")
    expect_same(server, "lake")

    # A wrong user, a reader's rights, a server that is away, one that is none.
    server.user, server.password = "bi", "wrong"
    out = server.publish("lake", "--mode", "load", check=False)
    assert out.returncode == 2 and "516" in out.stderr and "clickhouse.user" in out.stderr, out
    server.password = "secret"
    assert server.ask("SELECT count() FROM Spotify.churn")[0] == 200
    assert server.ask("INSERT INTO Spotify.churn VALUES ('x', 1, 1, 1, 1)")[0] == 500
    out = server.publish("lake", "--mode", "load", "--replace", check=False)
    assert out.returncode in (0, 1), out
    server.user, server.password = "default", ""

    # A value that would wrap: the project's type is too narrow.
    import os
    os.makedirs("own/models")
    with open("own/models/a.yml", "w") as f:
        f.write("models:\n  - name: top_songs_by_play_count\n    columns:\n      - {name: position, meta: {clickhouse_type: UInt8}}\n")
    out = lakefm("lake", "--dbt", "own", "--set", f"clickhouse={server.url}", "publish", "clickhouse", "--mode", "load", check=False)
    assert out.returncode == 1 and "top_songs_by_play_count.position" in out.stderr and "wrap" in out.stderr, out
    expect_same(server, "lake")

    # The tables are there after a restart.
    assert server.close() == 0
    server.start()
    expect_same(server, "lake")
finally:
    server.process.kill()
