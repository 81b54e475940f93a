"""A lake on a real HDFS: the whole path gives what it gives on a local disk, and survives what HDFS and its clients are known
for. The seed of the random moments is printed; TEST_SEED repeats a run; TEST_ONLY="name name" runs only these cases."""
import gzip
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
import traceback

from lib_hdfs import LAKEFM, TESTS, Hdfs, Machine, Proxy, finish
from lib_gold import GOLDEN, MARTS, TOPICS, rows_of, same

seed = int(os.environ.get("TEST_SEED", time.time_ns() % 1000000))
print("seed", seed, flush=True)
dice = random.Random(seed)
FILES = [GOLDEN / "eventsim" / f"{t}.json.gz" for t in TOPICS]
FACTS = ["fact_listen_events", "fact_page_view_events", "fact_auth_events", "fact_status_change_events"]
TABLES = [*FACTS, "dim_user", "dim_user_history", "dim_song", "dim_location", "dim_time"]
cases = []


def case(f):
    cases.append(f)
    return f


def small_files():
    """The events of the first three days, as files of this folder."""
    made = []
    for topic in TOPICS:
        path = pathlib.Path(f"small/{topic}.json").absolute()
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            lines = gzip.open(GOLDEN / "eventsim" / f"{topic}.json.gz").read().splitlines(keepends=True)
            path.write_bytes(b"".join(x for x in lines if json.loads(x)["ts"] < 1761955205000 + 3 * 86400000))
        made.append(path)
    return made


def silver(m):
    """What silver holds, without the commit that brought it."""
    facts = [f"select '{t}' as t, count(*) as n, sum(hash(x)::hugeint) as h from (select * exclude (batch) from silver.{t}) x" for t in FACTS]
    dims = [f"select '{t}', count(*), sum(hash(x)::hugeint) from silver.{t} x" for t in TABLES if t not in FACTS]
    return m.sql(" union all ".join(facts + dims) + " order by 1")


def expected_small():
    """The same files on a local disk."""
    lake = pathlib.Path("want-small")
    local = Machine.__new__(Machine)
    local.lake, local.env = str(lake), dict(os.environ)
    if not lake.exists():
        local.run("ingest", *small_files())
        local.run("refine")
    return silver(local)


def expect_golden(m):
    for mart in MARTS:
        want = rows_of((GOLDEN / "expected" / f"{mart}.csv").read_text())
        got = rows_of(m.sql(f"select * from gold.{mart}"))
        assert got[0] == want[0] and len(got) == len(want), f"{mart}: {got[0]}, {len(got)} rows, expected {want[0]}, {len(want)}"
        for g, w in zip(got, want):
            assert len(g) == len(w) and all(map(same, g, w)), f"{mart}: {g}, expected {w}"


@case
def the_whole_path_gives_what_a_local_disk_gives(hdfs):
    m = Machine(hdfs, "user/whole")
    local = Machine.__new__(Machine)
    local.lake, local.env = "local", dict(os.environ)
    for x in (m, local):
        x.run("ingest", *FILES)
        said = json.loads(x.out("refine", "--json"))
        assert said["read"] == said["rows"] == 126069, said
        x.run("build")
    expect_golden(m)
    assert silver(m) == silver(local)
    m.audit()
    for mart in MARTS:
        assert m.sql(f"select * from gold.{mart}") == local.sql(f"select * from gold.{mart}"), mart
    # The files lie where any engine looks for them, with the bytes that the log vouches for.
    assert {"bronze", "silver", "gold", "quarantine", "log"} <= set(hdfs.names("user/whole"))
    assert hdfs.names("user/whole/gold/conversion_rates") == ["part-0.parquet"]
    hdfs.do("fs", "-get", "/user/whole/gold", pathlib.Path("got").absolute())
    glob = pathlib.Path("got/top_songs_by_play_count/part-*.parquet").absolute()
    theirs = subprocess.run([LAKEFM, "sql", "--no-lake", "--allow", "got", "--format", "csv", "-c", f"select * from read_parquet('{glob}')"], capture_output=True, text=True)
    assert theirs.stdout == m.sql("select * from gold.top_songs_by_play_count"), theirs
    status = m.out("status", "--json")
    assert '"fact_listen_events"' in status and json.loads(status)

    # Again: nothing. By force: all are duplicates, also for a machine that has never seen the lake.
    assert json.loads(m.out("ingest", "--json", FILES[0]))["last_batch"] == 0
    other = Machine(hdfs, "user/whole", "m2")
    expect_golden(other)
    before = silver(other)
    other.run("ingest", "--force", *FILES)
    again = json.loads(other.out("refine", "--json"))
    assert again["duplicates"] == 126069 and again["rows"] == 0, again
    other.run("build")
    expect_golden(other)
    m.run("build")
    expect_golden(m)
    m.audit()

    # Silver anew: the first machine's warehouse knows the batches of before, and must start anew too.
    other.run("refine", "--rebuild")
    assert silver(m) == silver(other) == before
    other.run("build")
    m.run("build")
    expect_golden(m)
    m.audit()


@case
def many_small_commits_are_compacted(hdfs):
    m = Machine(hdfs, "user/compact")
    lines = b"".join(p.read_bytes() for p in small_files()[:1]).splitlines(keepends=True)
    for i in range(6):
        part = pathlib.Path(f"part-{i}.json")
        part.write_bytes(b"".join(lines[i * 200:(i + 1) * 200]))
        m.run("ingest", "--topic", "listen_events", part)
        m.run("refine")
    before = m.sql("select * exclude (batch) from fact_listen_events order by all")
    m.run("compact", "--min-files", "2", "--all")
    files = sum(len(hdfs.names(f"user/compact/silver/fact_listen_events/{d}")) for d in hdfs.names("user/compact/silver/fact_listen_events"))
    folders = len(hdfs.names("user/compact/silver/fact_listen_events"))
    assert files == folders, (files, folders)
    assert m.sql("select * exclude (batch) from fact_listen_events order by all") == before
    assert Machine(hdfs, "user/compact", "m2").sql("select * exclude (batch) from fact_listen_events order by all") == before
    m.audit()


@case
def killed_at_every_step(hdfs):
    want = expected_small()
    points = ["store.create:1", "store.create:3", "store.fsync:2", "store.mkdir:4", "store.rename_new:1", "store.rename:1", "store.remove:1",
              "lake.commit.entry", "lake.commit.entry.done", "lake.commit.staging", "lake.commit.point", "lake.commit.point.done",
              "lake.commit.move", "lake.move:1", "lake.move:2", "lake.move:20", "lake.commit.sync", "lake.commit.clean", "lake.commit.clean.done",
              "refine.drained", "refine.committed"]
    reached = set()
    for i, point in enumerate(points):
        m = Machine(hdfs, f"user/kill{i}")
        for words in (["ingest", *small_files()], ["refine"]):
            # a kill, a kill of the recovery, then the real run
            for fault in (point, dice.choice(["lake.recover.begin", "lake.recover.redo", "lake.recover.staging", "lake.recover.end", point])):
                done = m.run(*words, env={"LAKEFM_FAULT": fault}, code=None)
                assert done.returncode in (0, -signal.SIGKILL), (fault, done)
                if done.returncode:
                    reached.add(fault)
            m.run(*words)
        assert silver(m) == want, point
        assert "staging" not in hdfs.names(f"user/kill{i}") or hdfs.names(f"user/kill{i}/staging") == [], point
        if i % 5 == 0:
            m.audit()
    missed = set(points) - reached - {"store.rename:1", "lake.move:20", "refine.drained", "refine.committed"}
    assert not missed, missed


@case
def killed_at_random_moments(hdfs):
    want = expected_small()
    m = Machine(hdfs, "user/random")
    for words in (["ingest", *small_files()], ["refine"]):
        for _ in range(int(os.environ.get("TEST_KILLS", 12))):
            child = m.start(*words)
            time.sleep(dice.random() * 1.5)
            child.kill()
            child.communicate()
        m.run(*words)
    assert silver(m) == want
    m.audit()
    for _ in range(4):
        child = m.start("build")
        time.sleep(dice.random() * 2)
        child.kill()
        child.communicate()
    m.run("build")
    m.audit()


def through_proxy(hdfs, lake, fault, patience="60s"):
    """ingest and refine with faults; every event once."""
    proxy = Proxy(hdfs)
    proxy.fault = fault
    m = Machine(hdfs, lake, lake.replace("/", "-"), http_port=proxy.port, patience=patience)
    m.run("ingest", *small_files())
    m.run("refine")
    proxy.fault = lambda *_: None
    assert silver(m) == expected_small()
    m.audit()
    names = []
    for layer in ("bronze", "silver", "quarantine", "log"):
        for path in hdfs.do("fs", "-ls", "-R", "-C", f"/{lake}/{layer}").split():
            names.append(path)
    assert not [n for n in names if ".again-" in n], names
    proxy.close()
    return proxy


@case
def lost_answers_to_renames(hdfs):
    lost = []

    def fault(kind, op, path):
        if op == "RENAME" and dice.random() < 0.3:
            lost.append(path)
            return "drop"
    through_proxy(hdfs, "user/lost", fault)
    assert len(lost) > 10 and any("entry.json" in p for p in lost), lost


@case
def the_answer_to_each_commit_is_lost(hdfs):
    lost = []

    def fault(kind, op, path):
        if op == "RENAME" and ("entry.json" in path or "init-" in path):
            lost.append(path)
            return "drop" if len(lost) % 2 else None
    through_proxy(hdfs, "user/lostcommit", fault)
    assert len(lost) >= 6, lost


@case
def lost_answers_to_anything(hdfs):
    through_proxy(hdfs, "user/lostany", lambda kind, op, path: "drop" if dice.random() < 0.1 else None)


@case
def uploads_are_cut(hdfs):
    cut = []

    def fault(kind, op, path):
        if kind == "data" and op == "CREATE" and dice.random() < 0.4:
            cut.append(path)
            return ("cut", dice.choice([1, 100, 1000, 5000]))
    through_proxy(hdfs, "user/cut", fault)
    assert len(cut) > 5, cut


@case
def redirected_to_a_dead_datanode(hdfs):
    through_proxy(hdfs, "user/dead", lambda kind, op, path: "dead" if kind == "ask" and op in ("CREATE", "OPEN") and dice.random() < 0.3 else None)


@case
def the_datanode_is_killed_while_it_writes(hdfs):
    killed = []

    def restart():
        time.sleep(3)
        hdfs.do("restart-datanode")

    def kill():
        hdfs.do("kill-datanode")
        threading.Thread(target=restart).start()

    def fault(kind, op, path):
        if kind == "data" and op == "CREATE" and "/bronze" not in path and not killed and path.endswith(".gz"):
            killed.append(path)
            return ("call", 2000, kill)
    through_proxy(hdfs, "user/dnkill", fault, patience="120s")
    assert killed


@case
def without_a_datanode_a_clear_error_and_nothing_changed(hdfs):
    m = Machine(hdfs, "user/nodn", patience="3s")
    m.run("ingest", small_files()[2])
    hdfs.do("kill-datanode")
    try:
        started = time.time()
        said = m.run("ingest", small_files()[0], code=1).stderr
        assert "DataNode" in said and time.time() - started < 60, said
    finally:
        hdfs.do("restart-datanode")
    m.run("ingest", small_files()[0])
    m.audit()


@case
def the_namenode_is_killed_and_comes_back(hdfs):
    m = Machine(hdfs, "user/nnkill", patience="120s")
    m.run("ingest", *small_files())
    child = m.start("refine")
    time.sleep(0.6)
    hdfs.do("kill-namenode")
    time.sleep(2)
    hdfs.do("up")
    finish(child)
    assert silver(m) == expected_small()
    m.audit()


@case
def safe_mode_is_waited_for(hdfs):
    m = Machine(hdfs, "user/safe", patience="3s")
    m.run("ingest", small_files()[0])
    hdfs.do("safemode-enter")
    try:
        said = m.run("ingest", small_files()[1], code=1).stderr
        assert "safe mode" in said and "dfsadmin" in said, said
        assert m.sql("select 1 as one").splitlines() == ["one", "1"]  # reading goes on
        m.out("status")
        patient = Machine(hdfs, "user/safe", patience="120s")
        child = patient.start("ingest", small_files()[1])
        time.sleep(4)
        assert child.poll() is None
    finally:
        hdfs.do("safemode-leave")
    finish(child)
    m.run("ingest", *small_files()[2:])
    m.run("refine")
    assert silver(m) == expected_small()
    m.audit()


@case
def one_writer_at_a_time(hdfs):
    m = Machine(hdfs, "user/lock", lease="3s")
    m.run("ingest", small_files()[0])
    holder = subprocess.Popen(m.command("ingest", "--topic", "auth_events", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=m.env)
    deadline = time.time() + 20
    while not any(n.startswith("0") for n in (hdfs.names("user/lock/log/writer.lock"))) or not holding(hdfs, "user/lock", holder.pid):
        assert time.time() < deadline
        time.sleep(0.1)
    time.sleep(4)  # longer than the lease: the holder's heart beats
    said = m.run("refine", code=4).stderr
    assert f"pid={holder.pid} " in said and "another writer holds" in said, said
    m.out("status")
    m.audit()
    holder.kill()
    holder.communicate()
    started = time.time()
    m.run("refine")  # the same machine sees at once that the holder is gone
    assert time.time() - started < 3.5, time.time() - started
    m.audit()


def holding(hdfs, lake, pid):
    tops = sorted(n for n in hdfs.names(f"{lake}/log/writer.lock") if n.isdigit())
    return tops and any(f"pid={pid}," in n for n in hdfs.names(f"{lake}/log/writer.lock/{tops[-1]}"))


@case
def a_sleeper_is_fenced_off(hdfs):
    """A writer stopped in mid-commit is taken for dead, another goes on; when it wakes up it must not do harm."""
    want = expected_small()
    for step, moment in enumerate([0.2, 0.5, 0.8, 1.2, 1.8]):
        lake = f"user/sleeper{step}"
        m = Machine(hdfs, lake, lease="2s")
        m.run("ingest", *small_files())
        sleeper = m.start("refine")
        time.sleep(moment * (0.5 + dice.random()))
        sleeper.send_signal(signal.SIGSTOP)
        other = Machine(hdfs, lake, "m2", lease="2s")
        deadline = time.time() + 40
        while True:  # exit 4 until the lease has run out
            done = other.run("refine", code=None)
            if done.returncode == 0:
                break
            assert done.returncode == 4 and time.time() < deadline, done
            time.sleep(0.5)
        sleeper.send_signal(signal.SIGCONT)
        out, err = sleeper.communicate(timeout=200)
        assert sleeper.returncode in (0, 1, 4), (sleeper.returncode, out, err)
        assert silver(other) == want, (moment, sleeper.returncode, err)
        other.audit()
        other.run("refine")
        other.audit()


@case
def the_cache_is_bounded_and_verified(hdfs):
    m = Machine(hdfs, "user/cache")
    m.run("ingest", *FILES)
    m.run("refine")
    m.run("build")
    tight = Machine(hdfs, "user/cache", "tight", cache_size="1MiB")
    expect_golden(tight)
    rows = tight.sql("select (select count(*) from fact_listen_events), (select count(*) from fact_page_view_events)")
    assert rows.splitlines()[1] == "57376,67771", rows
    tight.sql("select count(*) from gold.churn")
    held = sum(f.stat().st_size for f in (tight.cache / "files").iterdir())
    assert held <= 1 << 20, held
    assert list((tight.cache / "run").iterdir()) == []
    # A file that was changed on HDFS is named by the audit and read by nobody; its copies stay right.
    name = "user/cache/gold/churn/part-0.parquet"
    bytes_ = bytearray(hdfs.rest("GET", name, "OPEN"))
    whole = bytes(bytes_)
    bytes_[len(bytes_) // 2] ^= 1
    hdfs.rest("PUT", name, "CREATE&overwrite=true", bytes(bytes_))
    done = m.run("audit", code=1)
    assert "gold/churn/part-0.parquet" in done.stdout and "hash" in done.stdout, done.stdout[-2000:]
    assert "hash" in Machine(hdfs, "user/cache", "fresh").run("sql", "-c", "select * from gold.churn", code=1).stderr
    m.sql("select * from gold.churn")
    hdfs.rest("PUT", name, "CREATE&overwrite=true", whole)
    m.audit()
    hdfs.rest("DELETE", name, "DELETE")
    assert "gold/churn/part-0.parquet is missing" in m.run("audit", "--quick", code=1).stdout


@case
def not_a_namenode(hdfs):
    m = Machine(hdfs, "user/x", http_port=1, patience="1s")
    said = m.run("status", code=1).stderr
    assert "NameNode does not answer" in said and "hdfs.http" in said, said
    said = Machine(hdfs, "user/nothing-here").run("status", code=1).stderr
    assert "ingest FILE" in said, said


only = os.environ.get("TEST_ONLY", "").split()
failed = []
with Hdfs() as hdfs:
    for f in cases:
        if only and f.__name__ not in only:
            continue
        started = time.time()
        try:
            f(hdfs)
            print(f"ok    {f.__name__} ({time.time() - started:.0f} s)", flush=True)
        except (Exception, SystemExit) as e:  # the other cases have lakes of their own
            failed.append(f.__name__)
            print(f"FAIL  {f.__name__} ({time.time() - started:.0f} s)", flush=True)
            traceback.print_exception(e)
if failed:
    raise SystemExit("failed: " + " ".join(failed))
