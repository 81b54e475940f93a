"""lakefm run as a service: page, metrics, signals, memory, small files, retention; other sources; the simulator into Kafka."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from lib_kafka import (LAKEFM, TESTS, Skip, audit, command, contracts, event, events, expect_exactly, free_ports, kill_all, log_of, long, quick, rows,
                       sql, start, stop, wait_for, wait_log, wait_until)

PORT = free_ports(1)


def get(path, port=PORT):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except OSError:
        return 0, ""


def metrics():
    return {m[1]: float(m[2]) for m in re.finditer(r"(?m)^(\S+) (\S+)$", get("/metrics")[1])}


@quick
def page_metrics_and_status(broker, topic, lake):
    broker.create(topic, 2)
    broker.produce(topic, 0, 500)
    child = start(lake, broker, topic, build=True, page=True, settings=[f"serve.port={PORT}"])
    wait_for(lake, 500)
    wait_until("gold", lambda: "lakefm_freshness_seconds" in metrics(), 60)
    assert get("/healthz")[0] == 200 and get("/readyz")[0] == 200
    m = metrics()
    assert m[f'lakefm_lag{{topic="{topic}",partition="0"}}'] == 0, m
    assert m["lakefm_run_records_total"] == 500 and m["lakefm_commit_seconds_count"] >= 1 and m["lakefm_build_seconds_count"] >= 1, m
    assert 0 < m["lakefm_freshness_seconds"] < 120, m
    assert get("/")[0] == 200
    assert stop(child, within=5) == 0
    assert get("/healthz")[0] == 0
    broker.produce(topic, 500, 70)
    status = json.loads(subprocess.run(command(lake, broker, topic, "status", "--json"), capture_output=True, text=True).stdout)
    assert sum(p["lag"] for p in status["lag"]) == 70, status["lag"]
    assert status["freshness_ms"] > 0 and not status["gold_behind"], status
    text = subprocess.run(command(lake, broker, topic, "status"), capture_output=True, text=True).stdout
    assert "Kafka" in text and topic in text and "The newest event is of" in text, text
    broker.do("kill")
    text = subprocess.run(command(lake, broker, topic, "status"), capture_output=True, text=True, timeout=20).stdout
    assert "no Kafka broker answers" in text, text


@quick
def waits_for_a_broker_and_says_so(broker, topic, lake):
    """/readyz is 503 until Kafka is read; the log is JSON when asked for; systemd hears of it."""
    broker.create(topic)
    broker.produce(topic, 0, 10)
    broker.do("kill")
    path = os.path.abspath("notify")
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(path)
    heard.settimeout(10)
    child = start(lake, broker, topic, page=True, settings=[f"serve.port={PORT}", "log=json"], env={"NOTIFY_SOCKET": path})
    assert heard.recv(1000) == b"READY=1"
    wait_until("page", lambda: get("/healthz")[0] == 200, 20)
    code, text = get("/readyz")
    assert code == 503 and "Kafka is not read" in text, (code, text)
    broker.do("up")
    wait_for(lake, 10)
    assert get("/readyz")[0] == 200
    assert stop(child) == 0
    said = []
    while b"STOPPING=1" not in said:
        said.append(heard.recv(1000))
    lines = [json.loads(line) for line in log_of(lake, 1 << 30).splitlines() if line.startswith("{")]
    assert any("trying again" in line["message"] for line in lines), lines
    assert all({"time", "level", "message"} <= line.keys() for line in lines)


@quick
def sighup_rereads_contracts(broker, topic, lake):
    mine = pathlib.Path(lake + "-contracts")
    mine.mkdir()
    text = (contracts() / "auth_events.yml").read_text()
    (mine / "auth_events.yml").write_text(text)
    broker.create(topic)
    child = start(lake, broker, topic, settings=[f"contracts={mine}"])
    broker.produce(topic, 0, 10)
    wait_for(lake, 10)
    (mine / "auth_events.yml").write_text(text + "\nnonsense: [")
    child.send_signal(signal.SIGHUP)
    wait_log(lake, "contracts are not reread")
    changed, n = re.subn(r"\{name: city, type: string", "{name: city, from: [city, town], type: string", text)
    assert n == 1, "the contract has another form now"
    (mine / "auth_events.yml").write_text(changed)
    child.send_signal(signal.SIGHUP)
    wait_log(lake, "contracts are reread")
    other = event(10)
    other["town"] = other.pop("city") + "-on-sea"
    broker.send(topic, json.dumps(other) + "\n")
    wait_for(lake, 11)
    assert sql(lake, "select city from fact_auth_events where sessionId = 10") == [["x-on-sea"]]
    assert stop(child) == 0
    expect_exactly(lake, 11)


@quick
def memory_stays_below_the_cap_while_nothing_can_be_committed(broker, topic, lake):
    """Back-pressure: a topic more than twice the cap, a full disk; partitions are paused, the broker keeps the rest; then all comes."""
    here = pathlib.Path(lake)
    here.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", here], capture_output=True).returncode:
        raise Skip("needs root and mount")
    cap, count = 512, 1600000
    try:
        broker.create(topic, 4)
        line = json.dumps(event(123456789, userAgent="y" * 500)).replace("123456789", "%d").replace(str(event(123456789)["ts"]), "%d")
        ts = event(0)["ts"]
        for first in range(0, count, 200000):
            broker.send(topic, "".join(line % (ts + n, n) + "\n" for n in range(first, first + 200000)), "-z", "lz4")
        inner = f"{lake}/lake"
        child = subprocess.Popen(command(inner, broker, topic, "run", "--no-build", "--no-serve", interval="1s",
                                         settings=[f"memory={cap}MiB"]), stderr=open(f"{lake}.log", "ab"), stdout=subprocess.DEVNULL)
        wait_log(lake, "paused: ")
        time.sleep(5)
        status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
        most = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
        subprocess.run(["mount", "-o", "remount,size=900m", here], check=True)
        wait_for(inner, count, 120)
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/status").read_text())[1]) / 1024
        assert stop(child) == 0
        expect_exactly(inner, count)
        print(f"      {count * len(line) / 1e6:.0f} MB in Kafka, cap {cap} MiB: at most {most:.0f} MiB resident while paused, {peak:.0f} in all",
              flush=True)
        assert most < cap and peak < cap, (most, peak)
    finally:
        kill_all()
        subprocess.run(["umount", "-l", here])


@quick
def small_files_are_merged_beside_readers(broker, topic, lake):
    """A commit every 50 ms; a reader with a plain glob sees no row twice and never fewer than before; files stay few."""
    broker.create(topic, 2)
    child = start(lake, broker, topic, interval="50ms")
    broker.produce(topic, 0, 100)
    wait_for(lake, 100)
    made, seen, looks, late = 100, 0, 0, 0
    end = time.time() + 15
    while time.time() < end:
        broker.produce(topic, made, 100)
        made += 100
        got = sql(lake, f"select count(*), count(distinct sessionId) from read_parquet('{lake}/silver/fact_auth_events/*/*.parquet')")
        if not got:
            late += 1  # a file of the glob was merged away before it was opened: loud, and passes
            continue
        count, distinct = map(int, got[0])
        assert count == distinct, f"{count} rows, {distinct} of them different"
        assert count >= seen, f"{count} rows after {seen}"
        seen, looks = count, looks + 1
    wait_for(lake, made)
    commits = log_of(lake, 1 << 30).count("commit ")
    wait_until("merging", lambda: len(list(pathlib.Path(lake).glob("silver/fact_auth_events/*/*.parquet"))) <= 20, 20)
    assert stop(child) == 0
    expect_exactly(lake, made)
    bronze = len(list(pathlib.Path(lake).glob("bronze/*/*/*/*.gz")))
    print(f"      {commits} commits, {looks} looks, {late} to be repeated, {bronze} files of bronze", flush=True)
    assert commits > 40 and looks > 10 and late <= looks / 20 and bronze <= 40


@quick
def retention_of_bronze(broker, topic, lake):
    day = 86400 * 1000
    now = 1790000000000
    broker.create(topic)
    for i, at in enumerate([now, now + 50 * day, now + 92 * day]):
        broker.produce(topic, i * 100, 100)
        child = start(lake, broker, topic, settings=["retain.bronze=90d"], env={"LAKEFM_NOW_MS": str(at)})
        wait_for(lake, (i + 1) * 100)
        if i == 2:
            wait_log(lake, "retention: ")
        assert stop(child) == 0
    days = sorted(p.name for p in pathlib.Path(lake).glob("bronze/auth_events/date=*") if list(p.rglob("*.gz")))
    assert len(days) == 2, days
    assert rows(lake) == (300, 300, 0, 299)
    audit(lake)


@quick
def a_folder_that_grows(broker, topic, lake):
    """Source folder: new files, files that grow, a line that is written in two pieces, a restart."""
    folder = pathlib.Path(lake + "-events")
    folder.mkdir()
    words = [LAKEFM, "--lake", lake, "--set", "batch.interval=200ms", "run", "--no-serve", "--no-build", "--follow-folder", str(folder)]

    def run():
        return subprocess.Popen(words, stderr=open(f"{lake}.log", "ab"), stdout=subprocess.DEVNULL)
    child = run()
    one = open(folder / "auth_events.json", "w")
    one.write(events(0, 100))
    one.flush()
    wait_for(lake, 100)
    half = events(100, 1)
    one.write(half[:50])
    one.flush()
    (folder / "b").mkdir()
    (folder / "b" / "auth_events.json").write_text(events(101, 100))
    wait_for(lake, 200)
    time.sleep(0.5)
    assert rows(lake)[0] == 200
    one.write(half[50:] + events(201, 50))
    one.flush()
    wait_for(lake, 251)
    assert stop(child, within=5) == 0
    one.write(events(251, 50))
    one.close()
    child = run()
    wait_for(lake, 301)
    child.kill()
    child.wait()
    child = run()
    time.sleep(1)
    assert stop(child, within=5) == 0
    expect_exactly(lake, 301)


@quick
def the_simulator_as_a_source(broker, topic, lake):
    words = [LAKEFM, "--lake", lake, "--set", "batch.interval=300ms", "--set", "simulate.users=3000", "--set", "simulate.speed=200", "--set",
             "simulate.seed=5", "run", "--no-serve", "--source", "simulator"]
    child = subprocess.Popen(words, stderr=open(f"{lake}.log", "ab"), stdout=subprocess.DEVNULL)
    wait_log(lake, "gold of commit", 60)
    time.sleep(2)
    assert stop(child, within=5) == 0
    done = subprocess.run([LAKEFM, "--lake", lake, "audit", "--json"], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["bad"] == 0, done.stdout
    assert int(sql(lake, "select count(*) from fact_page_view_events")[0][0]) > 0


def simulate(broker, prefix, *words, settings=()):
    more = [w for s in settings for w in ("--set", s)]
    return [LAKEFM, *more, "--set", f"brokers={broker.address}", "simulate", "--seed", "9", "--users", "300", "--from", "2025-11-01", "--kafka",
            "--topic-prefix", prefix, *words]


def consume(broker, topic, form):
    return subprocess.run(["kcat", "-C", "-q", "-e", "-b", broker.address, "-t", topic, "-f", form], capture_output=True, text=True, check=True).stdout


@quick
def simulate_into_kafka(broker, topic, lake):
    """Every event acknowledged, each once, in the order of its user when keyed; the same bytes as into files."""
    names = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
    for name in names:
        broker.create("sim-" + name, 3)
    done = subprocess.run([*simulate(broker, "sim-", "--to", "2025-11-08", "--keyed"), "--json"], capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    lines = {t: v["lines"] for t, v in report["topics"].items()}
    assert report["acknowledged"] == sum(lines.values()) > 5000 and report["failed"] == 0, report
    subprocess.run([LAKEFM, "simulate", "--seed", "9", "--users", "300", "--from", "2025-11-01", "--to", "2025-11-08", "--out", "sim"], check=True,
                   capture_output=True)
    for name in names:
        got = consume(broker, "sim-" + name, "%p\t%k\t%s\x1e").split("\x1e")[:-1]
        got = [g.split("\t", 2) for g in got]
        expected = [line + "\n" for line in pathlib.Path(f"sim/{name}.json").read_text().split("\n")[:-1]]
        assert sorted(g[2] for g in got) == sorted(expected), f"{name}: {len(got)} records, {len(expected)} lines"
        place = {}
        for partition, key, value in got:
            user = json.loads(value).get("userId")
            assert key == ("" if user is None else str(user)), (key, value)
            if key:
                assert place.setdefault(key, partition) == partition, f"user {key} in two partitions"
        mine = [g[2] for g in got if g[1] == got[0][1]]
        assert mine == [line for line in expected if line in set(mine)], "a user's events are out of order"
    plain = subprocess.run([*simulate(broker, "plain-", "--to", "2025-11-02"), "--json"], capture_output=True, text=True, check=True)
    assert json.loads(plain.stdout)["failed"] == 0
    assert set(consume(broker, "plain-listen_events", "%k.")) == {"."}


@quick
def simulate_says_what_was_not_acknowledged(broker, topic, lake):
    """The broker dies under it: back-pressure until the time-out, then exit 1 and how many."""
    child = subprocess.Popen(simulate(broker, "dead-", "--to", "2027-11-01", settings=["kafka.message.timeout.ms=4000"]), stderr=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, text=True)
    wait_until("the first records", lambda: "dead-listen_events" in subprocess.run(
        ["kcat", "-L", "-b", broker.address], capture_output=True, text=True).stdout, 20)
    broker.do("kill")
    text = child.communicate(timeout=120)[1]
    assert child.returncode == 1 and re.search(r"\d+ of \d+ records were not acknowledged", text), (child.returncode, text)


@long
def memory_and_files_of_a_long_run(broker, topic, lake):
    """A soak: SOAK_SECONDS of load; memory is flat, files stay few, lag stays small."""
    seconds = float(os.environ.get("SOAK_SECONDS", 60))
    cap = 512
    broker.create(topic, 4, "retention.bytes=500000000", "segment.bytes=50000000")
    child = start(lake, broker, topic, build=True, interval="1s", settings=[f"memory={cap}MiB"])
    made, samples, begun = 0, [], time.time()
    while time.time() < begun + seconds:
        broker.produce(topic, made, 5000, "-z", "lz4")
        made += 5000
        time.sleep(1)
        rss = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/status").read_text())[1]) / 1024
        samples.append(rss)
        if len(samples) % 30 == 0:
            files = sum(len(f) for _, _, f in os.walk(lake))
            print(f"      {time.time() - begun:.0f} s: {made} events, {rss:.0f} MiB, {files} files", flush=True)
    wait_for(lake, made, 60)
    assert stop(child, within=5) == 0
    expect_exactly(lake, made)
    third = len(samples) // 3
    early, last = max(samples[third:2 * third]), max(samples[2 * third:])
    data = len(list(pathlib.Path(lake).glob("silver/*/*/*.parquet"))) + len(list(pathlib.Path(lake).glob("bronze/*/*/*/*.gz")))
    print(f"      {made} events in {seconds:.0f} s: {early:.0f} MiB, then {last:.0f} MiB resident; {data} data files", flush=True)
    assert last < cap and last < early * 1.15 + 20, (early, last)
    assert data < 300, data
