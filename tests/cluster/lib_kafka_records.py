"""What can be in a topic: transactions, compressions, odd records, late, early and repeated ones."""
import json
import pathlib
import subprocess

from lib_kafka import (audit, command, event, events, expect_exactly, quick, rows, sql, start, stop, wait_for)


@quick
def aborted_transactions_are_invisible(broker, topic, lake):
    """12: committed, aborted and plain records alternate; control records leave gaps, which are no loss."""
    broker.create(topic)
    made = 0
    child = start(lake, broker, topic)
    for outcome in ["commit", "abort", "commit", "abort", "abort", "commit"]:
        lines = events(made, 50) if outcome == "commit" else events(5000, 50)
        pathlib.Path("transaction.json").write_text(lines)
        broker.admin("transact", topic, outcome, pathlib.Path("transaction.json").absolute())
        made += 50 if outcome == "commit" else 0
        broker.produce(topic, made, 10)
        made += 10
    wait_for(lake, made)
    assert stop(child) == 0
    expect_exactly(lake, made)
    # a topic that ends in an aborted transaction has an end that --until-end finds
    broker.admin("transact", topic, "abort", pathlib.Path("transaction.json").absolute())
    subprocess.run(command(lake, broker, topic, "run", "--no-build", "--until-end"), check=True, capture_output=True, timeout=60)
    expect_exactly(lake, made)


@quick
def all_compressions(broker, topic, lake):
    broker.create(topic, 3)
    for i, how in enumerate(["none", "gzip", "snappy", "lz4", "zstd"]):
        broker.produce(topic, i * 500, 500, "-z", how)
    child = start(lake, broker, topic)
    wait_for(lake, 2500)
    assert stop(child) == 0
    expect_exactly(lake, 2500)


def counts(lake, broker, topic):
    status = json.loads(subprocess.run(command(lake, broker, topic, "status", "--json"), capture_output=True, text=True).stdout)
    return next(c for c in status["refined"] if c["topic"] == "auth_events"), status


@quick
def odd_records_are_counted(broker, topic, lake):
    """20: empty, null, blank, CRLF, BOM, newline inside, several newlines; none is lost, each is accounted for."""
    broker.create(topic)
    whole = [json.dumps(event(n)) for n in range(6)]
    broker.send(topic, whole[0])                                  # no newline
    broker.send(topic, whole[1] + "\r\n|" + whole[2] + "\n\n\n|", "-D", "|")  # CRLF; more newlines than one
    broker.send(topic, json.dumps(event(3), indent=1), "-D", "\x01")           # newlines between tokens
    broker.send(topic, "|", "-D", "|")                                          # empty
    broker.send(topic, "|", "-D", "|", "-Z")                                    # null
    broker.send(topic, "  \n|", "-D", "|")                                      # blank
    broker.send(topic, b"\xef\xbb\xbf" + whole[4].encode())                     # BOM
    broker.send(topic, whole[5])
    child = start(lake, broker, topic)
    wait_for(lake, 5)
    stop(child)
    audit(lake)
    c, status = counts(lake, broker, topic)
    topic_count = next(t for t in status["topics"] if t["topic"] == "auth_events")
    quarantined = sum(c["quarantined"].values())
    assert topic_count["delivered"] == topic_count["bronze_rows"] + topic_count["blank"], topic_count
    assert c["read"] == c["rows"] + quarantined + c["duplicates"] + c["blank"], c
    present = {int(r[0]) for r in sql(lake, "select sessionId from fact_auth_events")}
    assert {0, 1, 2, 3, 5} <= present, present
    assert 4 in present or quarantined >= 1, (present, c)
    assert topic_count["blank"] + c["blank"] + quarantined >= 2, (topic_count, c)


@quick
def broken_records_are_quarantined(broker, topic, lake):
    """13, 15, 19 by way of Kafka: each with topic, partition and offset."""
    broker.create(topic)
    good = [json.dumps(event(n)) for n in range(3)]
    bad = ['{"ts": 17619552', "[1]", json.dumps(event(9)) + "x", json.dumps(event(10, ts=None)), json.dumps(event(11, sessionId="abc"))]
    broker.send(topic, "\n".join(good + bad) + "\n")
    broker.send(topic, b'{"ts": 1761955205000, "city": "\xff\xfe"}\n')
    child = start(lake, broker, topic)
    wait_for(lake, 3)
    stop(child)
    expect = rows(lake)
    assert expect[0] == 3, expect
    audit(lake)
    offsets = sorted(int(r[0]) for r in sql(lake, 'select "offset" from quarantine.records'))
    assert offsets == [3, 4, 5, 6, 7, 8], offsets


@quick
def late_and_future_events_land_in_their_days(broker, topic, lake):
    """21"""
    broker.create(topic)
    broker.produce(topic, 0, 10)
    month = 30 * 86400 * 1000
    child = start(lake, broker, topic)
    wait_for(lake, 10)
    broker.send(topic, json.dumps(event(10, ts=1761955205000 - month)) + "\n")
    broker.send(topic, json.dumps(event(11, ts=4102444800000)) + "\n")  # 2100
    wait_for(lake, 12)
    stop(child)
    days = dict((r[0], int(r[1])) for r in sql(lake, "select event_time::date, count(*) from fact_auth_events group by 1"))
    assert days.get("2025-10-02") == 1 and days.get("2100-01-01") == 1, days
    c, status = counts(lake, broker, topic)
    assert c["late"] >= 1 and c["future"] == 1, c
    newest = next(t for t in status["tables"] if t["table"] == "fact_auth_events")["newest_event_ms"]
    assert newest < 1761955205000 + 100000, "an event of the future has moved the watermark"
    audit(lake)


@quick
def an_event_delivered_twice_is_dropped(broker, topic, lake):
    """22: in the same batch, across batches, across a restart; counted."""
    broker.create(topic, 2)
    broker.produce(topic, 0, 100, "-p", "0")
    broker.produce(topic, 50, 50, "-p", "0")
    child = start(lake, broker, topic)
    wait_for(lake, 100)
    broker.produce(topic, 0, 100, "-p", "1")
    broker.produce(topic, 100, 1, "-p", "1")
    wait_for(lake, 101)
    stop(child)
    child = start(lake, broker, topic)
    broker.produce(topic, 0, 50, "-p", "1")
    broker.produce(topic, 101, 1, "-p", "1")
    wait_for(lake, 102)
    stop(child)
    assert rows(lake) == (102, 102, 0, 101), rows(lake)
    c, _ = counts(lake, broker, topic)
    assert c["duplicates"] == 200, c
    audit(lake)


@quick
def ingest_from_kafka_until_the_end(broker, topic, lake):
    """A one-off: bronze alone, exactly once however often; refine does the rest; run goes on behind it."""
    broker.create(topic, 2)
    for made in (1000, 2000):
        broker.produce(topic, made - 1000, 1000)
        for _ in range(2):
            subprocess.run(command(lake, broker, topic, "ingest", "--source", "kafka", "--until-end"), check=True, capture_output=True, timeout=60)
        subprocess.run(command(lake, broker, topic, "refine"), check=True, capture_output=True)
        expect_exactly(lake, made)
    broker.produce(topic, 2000, 100)
    child = start(lake, broker, topic)
    wait_for(lake, 2100)
    stop(child)
    expect_exactly(lake, 2100)
