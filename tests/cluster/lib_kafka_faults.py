"""Who dies when: kills, stops, rebalances, brokers, disks. Each outcome is proved by content and audit."""
import os
import pathlib
import signal
import subprocess
import time

from lib_kafka import (Skip, audit, command, dice, expect_exactly, kill_all, log_of, long, quick, rows, start, stop, wait_for, wait_log,
                       wait_until)


@quick
def sigterm_commits_and_leaves_within_5_s(broker, topic, lake):
    broker.create(topic, 3)
    broker.produce(topic, 0, 1000)
    child = start(lake, broker, topic)
    wait_for(lake, 1000)
    broker.produce(topic, 1000, 500)
    time.sleep(0.5)
    assert stop(child, within=5) == 0
    child = start(lake, broker, topic)
    wait_for(lake, 1500)
    assert stop(child, within=5) == 0
    expect_exactly(lake, 1500)


@quick
def two_exclusive_writers(broker, topic, lake):
    """24"""
    broker.create(topic)
    broker.produce(topic, 0, 10)
    first = start(lake, broker, topic)
    wait_for(lake, 10)
    second = start(lake, broker, topic)
    assert second.wait(20) == 4
    assert stop(first) == 0
    expect_exactly(lake, 10)


def steps(broker, topic, lake, points):
    broker.create(topic, 2)
    made = 0
    for point in points:
        broker.produce(topic, made, 50)
        made += 50
        child = start(lake, broker, topic, env={"LAKEFM_FAULT": f"lake.commit.{point}"}, interval="50ms")
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"lake.commit.{point} was not passed")
        assert child.returncode == -9, child.returncode
    child = start(lake, broker, topic)
    wait_for(lake, made)
    assert stop(child) == 0
    expect_exactly(lake, made)


@quick
def killed_around_the_commit_point(broker, topic, lake):
    """1, 2: before the rename nothing of it happened; behind it all of it, though Kafka was not told."""
    steps(broker, topic, lake, ["entry.done", "point", "point.done", "move.done"])


@long
def killed_at_every_step_of_a_commit(broker, topic, lake):
    """1, 2"""
    steps(broker, topic, lake, [p + d for p in ["dirs", "staging", "entry", "point", "log", "move", "sync", "clean"] for d in ("", ".done")])


def random_kills(broker, topic, lake, kills):
    broker.create(topic, 4)
    made = 0
    for _ in range(kills):
        child = start(lake, broker, topic, interval="50ms")
        broker.produce(topic, made, 200)
        made += 200
        time.sleep(dice.random() * 0.6)
        child.kill()
        child.wait()
    child = start(lake, broker, topic)
    wait_for(lake, made, 120)
    assert stop(child) == 0
    expect_exactly(lake, made)


@quick
def killed_at_8_random_moments_under_load(broker, topic, lake):
    random_kills(broker, topic, lake, 8)


@long
def killed_at_50_random_moments_under_load(broker, topic, lake):
    """1"""
    random_kills(broker, topic, lake, int(os.environ.get("TEST_KILLS", 50)))


@quick
def kafkas_own_offsets_are_ignored(broker, topic, lake):
    """2: whatever stands in Kafka for our group, the log decides."""
    broker.create(topic)
    broker.produce(topic, 0, 100)
    child = start(lake, broker, topic)
    wait_for(lake, 100)
    assert stop(child) == 0
    broker.produce(topic, 100, 100)
    for offset in (190, 10):
        broker.admin("commit", topic, 0, offset, topic)
        child = start(lake, broker, topic)
        wait_for(lake, 200)
        assert stop(child) == 0
        expect_exactly(lake, 200)


@quick
def a_failed_fsync_stops(broker, topic, lake):
    """4: it is not tried again; the next start finds out what became durable."""
    broker.create(topic)
    broker.produce(topic, 0, 300)
    child = start(lake, broker, topic, env={"LAKEFM_FAULT": "store.fsync:4=eio"})
    assert child.wait(30) == 1
    assert "fsync" in log_of(lake), log_of(lake)
    child = start(lake, broker, topic)
    wait_for(lake, 300)
    assert stop(child) == 0
    expect_exactly(lake, 300)


@quick
def a_full_disk_pauses_and_goes_on(broker, topic, lake):
    """5, under load: a file system of 12 MiB, filled by another."""
    here = pathlib.Path(lake)
    here.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", here], capture_output=True).returncode:
        raise Skip("needs root and mount")
    try:
        broker.create(topic, 2)
        inner = f"{lake}/lake"
        child = subprocess.Popen(command(inner, broker, topic, "run", "--no-build", "--no-serve"), stderr=open(f"{lake}.log", "ab"))
        broker.produce(topic, 0, 1000)
        wait_for(inner, 1000)
        with open(here / "filler", "wb") as f:
            try:
                while True:
                    f.write(b"x" * 65536)
                    f.flush()
            except OSError:
                pass
        broker.produce(topic, 1000, 40000)
        wait_log(lake, "paused: ")
        assert child.poll() is None
        before = rows(inner)
        time.sleep(1)
        assert rows(inner) == before
        (here / "filler").unlink()
        wait_for(inner, 41000, 60)
        assert stop(child) == 0
        expect_exactly(inner, 41000)
    finally:
        kill_all()
        subprocess.run(["umount", "-l", here])


@quick
def broker_killed_and_started_under_load(broker, topic, lake):
    """7"""
    broker.create(topic, 3)
    child = start(lake, broker, topic)
    made = 0
    for _ in range(2):
        broker.produce(topic, made, 2000)
        made += 2000
        time.sleep(dice.random())
        broker.do("kill")
        time.sleep(1 + dice.random() * 2)
        broker.do("up")
    broker.produce(topic, made, 100)
    made += 100
    wait_for(lake, made, 120)
    assert stop(child) == 0
    expect_exactly(lake, made)


@quick
def leaves_within_5_s_without_a_broker(broker, topic, lake):
    """7: what is not committed is read again later."""
    broker.create(topic, 2)
    broker.produce(topic, 0, 500)
    child = start(lake, broker, topic)
    wait_for(lake, 500)
    broker.produce(topic, 500, 500)
    broker.do("kill")
    assert stop(child, within=5) == 0
    child = start(lake, broker, topic)  # and starts without one
    wait_log(lake, "trying again")
    broker.do("up")
    wait_for(lake, 1000)
    assert stop(child, within=5) == 0
    expect_exactly(lake, 1000)


def sharing(broker, topic, lake, seconds):
    """Three processes, one lake, one group; every few seconds one of them goes, killed or asked, and comes back."""
    broker.create(topic, 6)
    # The lake exists before the three open it.
    first = subprocess.run(command(lake, broker, topic, "run", "--no-build", "--no-serve", "--until-end"), capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    three = [start(lake, broker, topic, "--shared") for _ in range(3)]
    made, end, turns = 0, time.time() + seconds, 0
    while time.time() < end:
        broker.produce(topic, made, 300)
        made += 300
        time.sleep(1 + dice.random() * 2)
        i = dice.randrange(3)
        assert three[i].poll() is None, f"a process has left by itself: {three[i].returncode}"
        if dice.random() < 0.5:
            three[i].kill()
            three[i].wait()
        else:
            assert stop(three[i], within=30) == 0
        three[i] = start(lake, broker, topic, "--shared")
        turns += 1
    wait_for(lake, made, 120)
    for child in three:
        assert stop(child, within=30) == 0
    expect_exactly(lake, made)
    print(f"      {turns} rebalances, {made} records", flush=True)


@quick
def three_processes_share_one_lake_for_15_s(broker, topic, lake):
    """8, 24"""
    sharing(broker, topic, lake, 15)


@long
def three_processes_share_one_lake_for_two_minutes(broker, topic, lake):
    """8, 24: a rebalance every few seconds."""
    sharing(broker, topic, lake, float(os.environ.get("TEST_REBALANCE_SECONDS", 120)))


@quick
def a_fenced_process_drops_its_batch(broker, topic, lake):
    """9: stopped longer than the session lasts, with records in memory; another takes over; when it wakes nothing is twice."""
    broker.create(topic, 2)
    subprocess.run(command(lake, broker, topic, "run", "--no-build", "--no-serve", "--until-end"), check=True, capture_output=True)
    sleeper = start(lake, broker, topic, "--shared", interval="3s")
    broker.produce(topic, 0, 400)
    wait_for(lake, 400)
    broker.produce(topic, 400, 400)
    time.sleep(1)
    sleeper.send_signal(signal.SIGSTOP)
    other = start(lake, broker, topic, "--shared")
    wait_for(lake, 800, 60)
    broker.produce(topic, 800, 400)
    wait_for(lake, 1200, 60)
    sleeper.send_signal(signal.SIGCONT)
    broker.produce(topic, 1200, 400)
    wait_for(lake, 1600, 60)
    time.sleep(2)
    assert sleeper.poll() is None and other.poll() is None
    assert stop(other) == 0
    broker.produce(topic, 1600, 400)
    wait_for(lake, 2000, 60)
    assert stop(sleeper) == 0
    expect_exactly(lake, 2000)


@quick
def retention_past_our_offset(broker, topic, lake):
    """10"""
    broker.create(topic)
    broker.produce(topic, 0, 100)
    child = start(lake, broker, topic)
    wait_for(lake, 100)
    assert stop(child) == 0
    broker.produce(topic, 100, 100)
    broker.admin("trim", topic, 0, 150)
    child = start(lake, broker, topic)
    assert child.wait(30) == 1
    assert "records 100 to 149 are gone" in log_of(lake) and "--accept-loss" in log_of(lake), log_of(lake)
    child = start(lake, broker, topic, "--accept-loss")
    wait_for(lake, 150)
    assert stop(child) == 0
    assert rows(lake) == (150, 150, 0, 199), rows(lake)
    audit(lake)
    lost = subprocess.run(command(lake, broker, topic, "status", "--json"), capture_output=True, text=True).stdout
    assert '"lost":50' in lost, lost


@quick
def a_topic_made_anew_is_refused(broker, topic, lake):
    """11: between two runs, and while it is being read."""
    broker.create(topic)
    broker.produce(topic, 0, 100)
    child = start(lake, broker, topic)
    wait_for(lake, 100)
    assert stop(child) == 0
    broker.remake(topic)
    broker.produce(topic, 1000, 300)
    child = start(lake, broker, topic)
    assert child.wait(30) == 1
    assert "made anew" in log_of(lake), log_of(lake)
    expect_exactly(lake, 100)
    broker.remake(topic)
    broker.produce(topic, 0, 100)
    child = start(lake + "2", broker, topic)
    wait_for(lake + "2", 100)
    broker.remake(topic)
    broker.produce(topic, 1000, 300)
    assert child.wait(60) == 1, "a topic made anew was read on"
    expect_exactly(lake + "2", 100)


@quick
def more_partitions_are_seen(broker, topic, lake):
    """11, the harmless kind: the number of partitions grows under a running process."""
    broker.create(topic, 2)
    broker.produce(topic, 0, 200)
    child = start(lake, broker, topic, settings=["kafka.topic.metadata.refresh.interval.ms=1000"])
    wait_for(lake, 200)
    broker.admin("grow", topic, 5)
    wait_until("five partitions", lambda: sum(int(n) for n in assigned(lake)) >= 5, 30)
    for partition in range(5):
        broker.produce(topic, 200 + partition * 100, 100, "-p", str(partition))
    wait_for(lake, 700)
    assert stop(child) == 0
    expect_exactly(lake, 700)


def assigned(lake):
    """Numbers of partitions in the messages of the log, gained; those given away as negative."""
    found = []
    for line in log_of(lake, 1 << 30).splitlines():
        words = line.split()
        if line.endswith("partition(s) assigned"):
            found.append(int(words[-3]))
        elif line.endswith("partition(s) given away"):
            found.append(-int(words[-4]))
    return found
