"""serve --clickhouse: the marts as DuckDB has them, following builds without an error for a reader; users, limits, supervision."""
import gzip
import os
import shutil
import signal
import subprocess
import threading
import time

from lib_clickhouse import LAKEFM, LIBRARY, ROOT, TESTS, Embedded, duck_rows, expect_same, free_port, lakefm, make_lake, marts, need_library

need_library()

# Nothing in the lake yet: the server is there all the same.
lines = gzip.open(TESTS / "golden/eventsim/listen_events.json.gz").read().splitlines(keepends=True)
parts = [lines[len(lines) * i // 12:len(lines) * (i + 1) // 12] for i in range(12)]
os.makedirs("events")
for i, part in enumerate(parts):
    with open(f"events/listen_events-{i}.json", "wb") as f:
        f.writelines(part)


def add(i):
    lakefm("lake", "ingest", "--topic", "listen_events", f"events/listen_events-{i}.json")
    lakefm("lake", "refine")
    lakefm("lake", "build")


lakefm("lake", "ingest", "--topic", "listen_events", "events/listen_events-0.json")
server = Embedded("lake")
try:
    server.wait_for("SELECT count() FROM system.databases WHERE name = 'Spotify'", 1)
    lakefm("lake", "refine")
    lakefm("lake", "build")
    server.wait_for(f"SELECT count() FROM system.tables WHERE database = 'Spotify'", len(marts("lake")))
    expect_same(server, "lake")

    # Readers during eleven builds.
    bad, reads, done = [], [0], threading.Event()
    queries = ["SELECT sum(listen_count) FROM Spotify.daily_user_listen_counts", "SELECT sum(listen_count) FROM Spotify.listening_days",
               "SELECT sum(play_count) FROM Spotify.top_songs_by_play_count"]

    def read(sql):
        newest = 0
        while not done.is_set():
            status, text = server.ask(sql)
            reads[0] += 1
            time.sleep(0.02)
            if status != 200 or int(text) < newest:
                bad.append((sql, status, text, newest))
            else:
                newest = int(text)

    readers = [threading.Thread(target=read, args=(sql,)) for sql in queries]
    for r in readers:
        r.start()
    for i in range(1, 12):
        add(i)
    done.set()
    for r in readers:
        r.join()
    assert not bad, bad[:3]
    assert reads[0] > 50, reads
    server.wait_for(queries[0], sum(row[4] for row in duck_rows("lake", "daily_user_listen_counts")))
    print(expect_same(server, "lake"), "rows equal;", reads[0], "reads during 11 builds")

    # A new mart, then another type and a new column in it: the views follow.
    def extra(columns):
        with open("own/models/marts/extra.sql", "w") as f:
            f.write("{{ config(location=gold_file('extra')) }}\n" f"select userId, {columns} from {{{{ ref('conversion_rates') }}}}\n")
        lakefm("lake", "--dbt", "own", "build")

    shape = "SELECT arrayStringConcat(groupArray(name || ' ' || type), ', ') FROM system.columns WHERE database = 'Spotify' AND table = 'extra'"
    shutil.copytree(ROOT / "dbt", "own", ignore=shutil.ignore_patterns("target", "logs"))
    extra("cast(300 as bigint) as n")
    server.wait_for(shape, "userId Nullable(Int64), n Nullable(Int64)")
    extra("cast('x' as varchar) as n, 0.5e0 as half")
    server.wait_for(shape, "userId Nullable(Int64), n Nullable(String), half Nullable(Float64)")
    expect_same(server, "lake")

    # Users and limits.
    for user in ("bi", "default"):
        assert server.one("SELECT count() FROM Spotify.churn", user=user) == len(duck_rows("lake", "churn"))
        for sql, code in [("INSERT INTO Spotify.churn VALUES (1)", 497), ("SELECT * FROM file('/etc/passwd', 'LineAsString')", 497),
                          ("SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", 497), ("DROP VIEW Spotify.churn", 497),
                          ("CREATE TABLE Spotify.x (a UInt8) ENGINE = Memory", 497), ("CREATE TEMPORARY TABLE x (a UInt8)", 497),
                          ("SET max_memory_usage = 99999999999", 452), ("SET max_execution_time = 0", 452), ("SYSTEM SHUTDOWN", 497),
                          ("CREATE USER x", 497), ("SELECT count() FROM nothing.there", 497)]:
            status, text = server.ask(sql, user=user)
            assert status != 200 and (f"Code: {code}." in text or "Code: 81." in text), f"{user}: {sql}: {status} {text}"
    assert server.one("SELECT getSetting('readonly')", user="bi") == 2
    status, text = server.ask("SELECT 1", user="bi", settings={"add_http_cors_header": 1})
    assert "Code: 452" in text, text
    status, text = server.ask("SELECT groupArray(number) FROM numbers(200000000)", user="bi")
    assert "Code: 241" in text, (status, text[:300])
    status, text = server.ask("SELECT count() FROM system.numbers", user="bi", settings={"max_execution_time": 1})
    assert "Code: 159" in text, (status, text[:300])
    for who in ("lakefm:", "bi:wrong", "nobody:"):
        user, password = who.split(":")
        assert server.ask("SELECT 1", user=user, password=password)[0] in (401, 403), who

    # Only loopback, and nobody else's eyes on its files.
    out = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True).stdout if os.path.exists("/usr/bin/ss") else ""
    for line in out.splitlines():
        if f":{server.port} " in line or f":{server.tcp_port} " in line:
            assert f"127.0.0.1:" in line, line
    for name in ("users.xml", "server.xml"):
        assert os.stat(f"lake/state/clickhouse/{name}").st_mode & 0o077 == 0, name

    # Killed, and hung: it comes back by itself, tables and all.
    (child,) = server.children()
    os.kill(child, signal.SIGKILL)
    time.sleep(0.2)
    server.wait(30)
    (second,) = server.children()
    assert second != child
    server.wait_for("SELECT count() FROM Spotify.churn", len(duck_rows("lake", "churn")))
    os.kill(second, signal.SIGSTOP)
    end = time.time() + 60
    while server.children() == [second] and time.time() < end:
        time.sleep(0.2)
    server.wait(30)
    assert server.children() not in ([], [second]), "the hung child was not replaced"
    server.wait_for("SELECT count() FROM Spotify.churn", len(duck_rows("lake", "churn")))
    assert "started again" in server.log.read_text()

    # A second one for the same port says so and leaves.
    other = subprocess.run([LAKEFM, "--lake", "lake", "--set", f"clickhouse.library={LIBRARY}", "--set", f"clickhouse.http_port={server.port}",
                            "--set", f"serve.port={free_port()}", "serve", "--clickhouse"], capture_output=True, text=True, timeout=60)
    assert other.returncode == 4 and "is taken" in other.stderr and "clickhouse.http_port" in other.stderr, other
    # Its folder has one owner.
    other = subprocess.run([LAKEFM, "--lake", "lake", "--set", f"clickhouse.library={LIBRARY}", "--set", f"clickhouse.http_port={free_port()}",
                            "--set", f"clickhouse.tcp_port={free_port()}", "--set", f"serve.port={free_port()}", "serve", "--clickhouse"], capture_output=True, text=True, timeout=60)
    assert other.returncode == 1 and "Code: 76" in other.stderr, other

    # It leaves when we leave: kindly, and when we are killed.
    assert server.close() == 0
    assert not server.ping()
    server = Embedded("lake", env={"LAKEFM_CLICKHOUSE_PASSWORD": "geheim"})
    (child,) = server.children()
    assert server.ask("SELECT 1", user="bi", password="geheim") == (200, "1\n")
    assert server.ask("SELECT 1", user="bi")[0] in (401, 403)
    server.process.kill()
    end = time.time() + 10
    while os.path.exists(f"/proc/{child}") and time.time() < end:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{child}"), "the child outlived lakefm"
    server.process.wait()

    # What cannot be: everybody's address without a password; no library.
    out = lakefm("lake", "--set", f"clickhouse.library={LIBRARY}", "--set", "clickhouse.bind=0.0.0.0", "--set", f"serve.port={free_port()}", "serve", "--clickhouse", check=False)
    assert out.returncode == 2 and "LAKEFM_CLICKHOUSE_PASSWORD" in out.stderr, out
    out = lakefm("lake", "--set", "clickhouse.library=/nowhere.so", "--set", f"serve.port={free_port()}", "serve", "--clickhouse", check=False)
    assert out.returncode == 1 and "make deps-clickhouse" in out.stderr, out
    out = lakefm("lake", "--set", "clickhouse=embedded", "publish", "clickhouse", check=False)
    assert out.returncode == 2 and "follows the lake by itself" in out.stderr, out
finally:
    server.process.kill()
