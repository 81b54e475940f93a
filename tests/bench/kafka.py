"""How fast lakefm reads Kafka, and how soon an event is in gold. One broker on this machine, which shares its cores.

1. A full topic (four topics, two partitions each, eventsim's events, lz4): `run --until-end --no-build` to committed silver,
   against a librdkafka consumer that only counts bytes, in turns, best of ROUNDS each; process start included.
2. Live: RATE events a second for SECONDS; for each event the time from its being produced (Kafka's timestamp) until a commit
   of gold holds it, from the log of `run` (batches of 1 s): within a batch events are spread evenly from the oldest to the newest.

BENCH_EVENTS=3000000 BENCH_RATE=50000 BENCH_SECONDS=60 BENCH_ROUNDS=3; BENCH_PARTS="1 2". Run by make bench-kafka."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time
from datetime import datetime

from lib_kafka import LAKEFM, Broker, kill_all

count = int(os.environ.get("BENCH_EVENTS", 3000000))
rate = int(os.environ.get("BENCH_RATE", 50000))
seconds = int(os.environ.get("BENCH_SECONDS", 60))
rounds = int(os.environ.get("BENCH_ROUNDS", 3))
parts = os.environ.get("BENCH_PARTS", "1 2").split()
tools = pathlib.Path(os.environ["BENCH"])
topics = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
broker = Broker()


def run(lake, *words, settings=()):
    more = [w for s in settings for w in ("--set", s)]
    return [LAKEFM, "--lake", lake, "--set", f"brokers={broker.address}", *more, "run", "--no-serve", *words]


def simulate(*words):
    # a user makes some 130 events a month
    users = max(200, count // 130)
    done = subprocess.run([LAKEFM, "--json", "--set", f"brokers={broker.address}", "simulate", "--streams", "--seed", "1", "--users", str(users), "--from",
                           "2025-11-01", "--to", "2025-11-30", *words], check=True, capture_output=True, text=True)
    return sum(t["lines"] for t in json.loads(done.stdout)["topics"].values())


def full_topic():
    made = simulate("--kafka")
    best = {"count": 0.0, "lakefm": 0.0}
    for _ in range(rounds):
        out = json.loads(subprocess.run([tools / "kafka_count", broker.address, *topics], check=True, capture_output=True, text=True).stdout)
        assert out["records"] == made, (out, made)
        best["count"] = max(best["count"], made / out["seconds"])
        subprocess.run(["rm", "-rf", "full"])
        started = time.time()
        subprocess.run(run("full", "--no-build", "--until-end"), check=True, capture_output=True)
        best["lakefm"] = max(best["lakefm"], made / (time.time() - started))
    print(f"full topic: {made} events, {out['bytes'] / made:.0f} bytes each; to committed silver {best['lakefm']:,.0f} events/s; a consumer that only counts "
          f"{best['count']:,.0f}: {100 * best['lakefm'] / best['count']:.0f} %", flush=True)
    for t in topics:
        broker.admin("delete", t)


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def latencies(log):
    """(seconds until gold, weight) for slices of each commit's events."""
    commits, found = [], []
    for line in open(log):
        if not line.startswith("{"):
            continue
        line = json.loads(line)
        at, text = when(line["time"]), line["message"]
        m = re.match(r"commit (\d+): (\d+) records,.* (\d+) ms, ([\d.]+) to ([\d.]+) s old", text)
        if m:
            commits.append((int(m[1]), int(m[2]), at - float(m[5]), at - float(m[4])))
        m = re.match(r"gold of commit (\d+)", text)
        if m:
            for number, records, oldest, newest in [c for c in commits if c[0] <= int(m[1])]:
                found += [(at - (oldest + (newest - oldest) * (i + 0.5) / 20), records / 20) for i in range(20)]
            commits = [c for c in commits if c[0] > int(m[1])]
    return found


def live():
    simulate("--out", "events")
    for t in topics:
        broker.create(t, 2)
    log = open("live.log", "wb")
    child = subprocess.Popen(run("live", settings=["batch.interval=1s", "log=json"]), stderr=log, stdout=subprocess.DEVNULL)
    time.sleep(3)
    sent = json.loads(subprocess.run([tools / "kafka_send", broker.address, str(rate), str(seconds), "events", *topics], check=True, capture_output=True,
                                     text=True).stdout)
    time.sleep(5)
    peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/status").read_text())[1]) / 1024
    child.send_signal(signal.SIGTERM)
    child.wait(30)
    found = sorted(latencies("live.log"))
    total, at, q = sum(w for _, w in found), 0.0, {}
    for seconds_old, w in found:
        at += w
        for p in (0.5, 0.9, 0.99, 1.0):
            if p not in q and at >= p * total * 0.999999:
                q[p] = seconds_old
    print(f"live: {sent['sent'] / sent['seconds']:,.0f} events/s for {sent['seconds']:.0f} s; produced → gold p50 {q[0.5]:.2f} s, p90 {q[0.9]:.2f} s, "
          f"p99 {q[0.99]:.2f} s, most {q[1.0]:.2f} s ({total:.0f} of {sent['sent']} events measured); peak memory {peak:.0f} MiB", flush=True)


try:
    if "1" in parts:
        full_topic()
    if "2" in parts:
        live()
finally:
    kill_all()
    broker.close()
