"""A lake with gold, and real ClickHouse servers: lakefm's embedded one, and the same program as a bare server."""
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

LAKEFM = os.environ["LAKEFM"]
TESTS = pathlib.Path(os.environ["TESTS"])
ROOT = TESTS.parent
LIBRARY = ROOT / "deps/clickhouse/libchdb.so"
TOPICS = ["listen_events", "page_view_events", "auth_events", "status_change_events"]


def skip(why):
    print(why)
    sys.exit(77)


def need_library():
    if os.uname().machine != "x86_64":
        skip("libchdb with a server is published for x86_64 only")
    done = subprocess.run([ROOT / "scripts/deps-clickhouse.sh"], capture_output=True, text=True)
    if done.returncode:
        skip("libchdb cannot be fetched: " + (done.stdout + done.stderr).strip().replace("\n", " "))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def lakefm(lake, *words, check=True, env=None):
    done = subprocess.run([LAKEFM, "--lake", str(lake), *map(str, words)], capture_output=True, text=True, env={**os.environ, **(env or {})})
    if check and done.returncode:
        raise SystemExit(f"lakefm {' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def make_lake(folder, topics=TOPICS):
    for topic in topics:
        lakefm(folder, "ingest", TESTS / f"golden/eventsim/{topic}.json.gz")
    lakefm(folder, "refine")
    lakefm(folder, "build")


class Server:
    """Something that answers at self.port by HTTP."""

    def __init__(self):
        self.port, self.tcp_port = free_port(), free_port()
        self.user, self.password = "default", ""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, sql, user=None, password="", settings=None, timeout=120):
        """(HTTP status, text)"""
        who = f"{user}:{password}" if user else f"{self.user}:{self.password}"
        query = urllib.parse.urlencode({"wait_end_of_query": 1, **(settings or {})})
        r = urllib.request.Request(f"{self.url}/?{query}", data=sql.encode(),
                                   headers={"Authorization": "Basic " + base64.b64encode(who.encode()).decode()})
        try:
            with urllib.request.urlopen(r, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def rows(self, sql, **more):
        status, text = self.ask(sql + " FORMAT JSONCompactEachRow", settings={"output_format_json_quote_64bit_integers": 0, "output_format_json_quote_denormals": 1}, **more)
        assert status == 200, f"{sql}: {status} {text}"
        return [json.loads(line) for line in text.splitlines()]

    def one(self, sql, **more):
        return self.rows(sql, **more)[0][0]

    def ping(self):
        try:
            with urllib.request.urlopen(self.url + "/ping", timeout=3) as answer:
                return answer.read() == b"Ok.\n"
        except OSError:
            return False

    def wait(self, seconds=60):
        end = time.time() + seconds
        while not self.ping():
            if self.process.poll() is not None or time.time() > end:
                raise SystemExit(f"ClickHouse does not answer\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def publish(self, lake, *words, check=True):
        return lakefm(lake, "--set", f"clickhouse={self.url}", "--set", f"clickhouse.user={self.user}", "publish", "clickhouse", "--json", *words,
                      check=check, env={"LAKEFM_CLICKHOUSE_PASSWORD": self.password} if self.password else None)


class Bare(Server):
    """The child of `serve --clickhouse` on its own, with tests/services/*.xml: user default may do all, bi reads."""

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder).absolute()
        self.folder.mkdir()
        settings, users = (re.sub("<!--.*?-->", "", (ROOT / "clickhouse" / d / "lakefm.xml").read_text(), flags=re.S) for d in ("config.d", "users.d"))
        parts = {"FOLDER": str(self.folder), "HDFS": re.search("<hdfs>.*</hdfs>", settings, re.S)[0], "BI_PROFILE": re.search("<bi><readonly>.*?</bi>", users, re.S)[0],
                 "BI_USER": re.search("<bi><password>.*?</bi>", users, re.S)[0]}
        for name in ("server.xml", "users.xml"):
            text = re.sub("<!--.*?-->", "", (TESTS / "services" / name).read_text(), flags=re.S)
            (self.folder / name).write_text(re.sub("|".join(parts), lambda m: parts[m[0]], text))
        self.log = self.folder / "start.log"
        self.start()

    def start(self):
        self.process = subprocess.Popen([LAKEFM, "clickhouse-child", "--library", LIBRARY, "--folder", self.folder, "--http-port", str(self.port),
                                         "--tcp-port", str(self.tcp_port)], stdin=subprocess.PIPE, stdout=self.log.open("ab"), stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self.wait()

    def close(self):
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit("ClickHouse did not leave within 20 s of its stdin's end")


class Embedded(Server):
    """lakefm serve --clickhouse"""

    def __init__(self, lake, *words, env=None):
        super().__init__()
        self.user = "bi"
        self.lake = pathlib.Path(lake)
        self.page = free_port()
        self.log = pathlib.Path(f"{lake}.log")
        self.process = subprocess.Popen([LAKEFM, "--lake", lake, "--set", f"clickhouse.library={LIBRARY}", "--set", f"clickhouse.http_port={self.port}",
                                         "--set", f"clickhouse.tcp_port={self.tcp_port}", "--set", f"serve.port={self.page}", "serve", "--clickhouse", *words],
                                        stdout=self.log.open("ab"), stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        self.wait()

    def wait_for(self, sql, value, seconds=30, **more):
        end, got = time.time() + seconds, None
        while time.time() < end:
            try:
                status, got = self.ask(sql, **more)
                if status == 200 and got.strip() == str(value):
                    return
            except OSError as e:
                got = e
            time.sleep(0.1)
        raise SystemExit(f"{sql}: {got}, expected {value}\n{self.log.read_text()[-2000:]}")

    def children(self):
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in out.splitlines() if "clickhouse-child" in line]

    def close(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit("lakefm serve did not leave within 30 s of SIGTERM")


def marts(lake):
    return sorted(p.name for p in (pathlib.Path(lake) / "gold").iterdir())


def duck_rows(lake, mart):
    done = lakefm(lake, "sql", "--format", "jsonl", "-c", f"select * from gold.{mart}")
    return [list(json.loads(line).values()) for line in done.stdout.splitlines()]


def expect_same(server, lake, names=None, **more):
    """Every mart: the same rows from ClickHouse as from DuckDB, to the last digit."""
    rows = 0
    for mart in names or marts(lake):
        want = sorted(duck_rows(lake, mart), key=repr)
        got = sorted(server.rows(f"SELECT * FROM Spotify.`{mart}`", **more), key=repr)
        want, got = ([[float(v) if isinstance(v, (int, float)) else v for v in row] for row in x] for x in (want, got))
        want.sort(key=repr)
        got.sort(key=repr)
        assert len(got) == len(want), f"{mart}: {len(got)} rows, DuckDB has {len(want)}"
        for g, w in zip(got, want):
            assert g == w, f"{mart}: {g}, DuckDB has {w}"
        rows += len(want)
    return rows
