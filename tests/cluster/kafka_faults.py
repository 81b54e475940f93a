"""lakefm run against a real broker: the faults of Kafka, each with its outcome proved by content and audit. The seed of the
random moments is printed; TEST_SEED repeats a run; TEST_KILLS sets how often it is killed (50)."""
import os
import random
import subprocess
import time

from lib_kafka import LAKEFM, Broker, expect_exactly, rows, start, stop, wait_for

seed = int(os.environ.get("TEST_SEED", time.time_ns() % 1000000))
kills = int(os.environ.get("TEST_KILLS", 50))
print("seed", seed, flush=True)
dice = random.Random(seed)
broker = Broker(19092)


def case(f):
    started = time.time()
    f()
    print(f"ok    {f.__name__} ({time.time() - started:.0f} s)", flush=True)


def fresh_topic(partitions=3):
    try:
        broker.do("admin", "delete", "auth_events")
        time.sleep(1)
    except SystemExit:
        pass
    broker.create("auth_events", partitions)


def sigterm_commits_and_leaves():
    fresh_topic()
    broker.produce("auth_events", 0, 1000)
    child = start("term", broker)
    wait_for("term", 1000)
    broker.produce("auth_events", 1000, 500)
    time.sleep(0.5)
    assert stop(child, within=8) == 0
    child = start("term", broker)
    wait_for("term", 1500)
    assert stop(child) == 0
    expect_exactly("term", 1500)


def killed_at_random_moments_under_load():
    fresh_topic(4)
    made = 0
    for _ in range(kills):
        child = start("kill", broker, interval="50ms")
        broker.produce("auth_events", made, 200)
        made += 200
        time.sleep(dice.random() * 0.6)
        child.kill()
        child.wait()
    child = start("kill", broker)
    wait_for("kill", made)
    stop(child)
    expect_exactly("kill", made)


def killed_at_every_step_of_a_commit():
    fresh_topic(2)
    made = 0
    for point in ["dirs", "staging", "entry", "point", "log", "move", "sync", "clean"]:
        for when in ("", ".done"):
            broker.produce("auth_events", made, 50)
            made += 50
            child = start("steps", broker, env={"LAKEFM_FAULT": f"lake.commit.{point}{when}"}, interval="50ms")
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                raise SystemExit(f"lake.commit.{point}{when} was not passed")
            assert child.returncode == -9, child.returncode
    child = start("steps", broker)
    wait_for("steps", made)
    stop(child)
    expect_exactly("steps", made)


def broker_killed_and_started_under_load():
    fresh_topic()
    child = start("broker", broker)
    made = 0
    for _ in range(3):
        broker.produce("auth_events", made, 2000)
        made += 2000
        time.sleep(dice.random())
        broker.do("kill")
        time.sleep(1 + dice.random() * 2)
        broker.do("up")
    broker.produce("auth_events", made, 100)
    made += 100
    wait_for("broker", made, 120)
    assert stop(child) == 0
    expect_exactly("broker", made)


def three_processes_share_one_lake():
    fresh_topic(6)
    subprocess.run([LAKEFM, "--lake", "shared", "--set", f"brokers={broker.address}", "--set", "topics=auth_events", "run",
                    "--no-build", "--until-end"], check=True, capture_output=True)
    children = [start("shared", broker, "--shared") for _ in range(3)]
    made, end = 0, time.time() + float(os.environ.get("TEST_REBALANCE_SECONDS", 40))
    while time.time() < end:
        broker.produce("auth_events", made, 300)
        made += 300
        time.sleep(1 + dice.random() * 2)
        i = dice.randrange(3)
        if dice.random() < 0.5:
            children[i].kill()
            children[i].wait()
        else:
            stop(children[i], within=30)
        children[i] = start("shared", broker, "--shared")
    wait_for("shared", made, 120)
    for child in children:
        stop(child, within=30)
    expect_exactly("shared", made)


def retention_past_our_offset():
    fresh_topic(1)
    broker.produce("auth_events", 0, 100)
    child = start("purge", broker)
    wait_for("purge", 100)
    stop(child)
    broker.produce("auth_events", 100, 100)
    broker.do("admin", "trim", "auth_events", 0, 150)
    child = start("purge", broker)
    assert child.wait(30) == 1
    log = open("purge.log").read()
    assert "records 100 to 149 are gone" in log and "--accept-loss" in log, log[-2000:]
    child = start("purge", broker, "--accept-loss")
    wait_for("purge", 150)
    stop(child)
    assert rows("purge") == (150, 150, 0, 199), rows("purge")
    assert subprocess.run([LAKEFM, "--lake", "purge", "audit"], capture_output=True).returncode == 0


def a_topic_made_anew_is_refused():
    fresh_topic(1)
    broker.produce("auth_events", 0, 100)
    child = start("anew", broker)
    wait_for("anew", 100)
    stop(child)
    fresh_topic(1)
    broker.produce("auth_events", 1000, 300)
    child = start("anew", broker)
    assert child.wait(30) == 1
    assert "made anew" in open("anew.log").read()
    expect_exactly("anew", 100)
    # … and while it is being read
    fresh_topic(1)
    broker.produce("auth_events", 0, 100)
    child = start("anew2", broker)
    wait_for("anew2", 100)
    fresh_topic(1)
    broker.produce("auth_events", 1000, 300)
    assert child.wait(60) == 1, "a topic made anew was read on"
    expect_exactly("anew2", 100)


def two_exclusive_writers():
    fresh_topic(1)
    broker.produce("auth_events", 0, 10)
    first = start("two", broker)
    wait_for("two", 10)
    second = start("two", broker)
    assert second.wait(20) == 4
    stop(first)
    expect_exactly("two", 10)


try:
    for f in [sigterm_commits_and_leaves, two_exclusive_writers, killed_at_every_step_of_a_commit, killed_at_random_moments_under_load,
              broker_killed_and_started_under_load, retention_past_our_offset, a_topic_made_anew_is_refused, three_processes_share_one_lake]:
        if not os.environ.get("TEST_CASE") or os.environ["TEST_CASE"] in f.__name__:
            case(f)
finally:
    broker.close()
