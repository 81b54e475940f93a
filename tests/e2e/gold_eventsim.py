"""Real eventsim files through the whole path: silver's totals are those of the sample's README, gold is what an independent
computation from the raw JSON gives, and doing it again changes nothing."""
import json

from lib_gold import GOLDEN, TOPICS, audit, expect_golden, gold, run

lake = "lake"
for topic in TOPICS:
    run(lake, "ingest", GOLDEN / "eventsim" / f"{topic}.json.gz")
refined = json.loads(run(lake, "refine", "--json"))
assert refined["read"] == 57376 + 67771 + 861 + 61, refined
assert refined["rows"] == refined["read"] and refined["quarantined"] == refined["duplicates"] == 0, refined
run(lake, "build")
expect_golden(lake)
audit(lake)

totals = run(lake, "sql", "--format", "csv", "-c", """
    select (select count(*) from fact_listen_events), (select count(distinct userId) from fact_listen_events),
           (select count(*) from dim_user), (select count(distinct sessionId) from fact_page_view_events),
           (select count(*) from fact_auth_events where success), (select count(*) from fact_status_change_events where level = 'free'),
           (select round(sum(duration), 4) from fact_listen_events), (select count(*) from fact_page_view_events where userId is null),
           (select min(ts) from fact_page_view_events), (select max(ts) from fact_page_view_events)""")
assert totals.splitlines()[1] == "57376,185,185,8011,736,50,13746381.7458,2702,1761955205000,1764547208000", totals
texts = run(lake, "sql", "--format", "csv", "-c", """
    select count(*) filter (contains(artist, 'Ã') or contains(song, 'Ã')), count(*) filter (userAgent like '"%')
    from fact_listen_events""")
assert texts.splitlines()[1] == "0,0", texts  # mojibake repaired, user agents unquoted

before = gold(lake)
for topic in TOPICS:
    said = json.loads(run(lake, "ingest", "--json", GOLDEN / "eventsim" / f"{topic}.json.gz"))
    assert said["last_batch"] == 0 and said["files"][0]["outcome"] == "already in the lake", said
assert "Nothing to refine" in run(lake, "refine")
run(lake, "build")
assert gold(lake) == before

# Taken by force, everything is a duplicate.
run(lake, "ingest", "--force", *[GOLDEN / "eventsim" / f"{t}.json.gz" for t in TOPICS])
again = json.loads(run(lake, "refine", "--json"))
assert again["duplicates"] == again["read"] == 126069 and again["rows"] == 0, again
run(lake, "build")
assert gold(lake) == before
audit(lake)

# Silver anew from bronze: the same data.
silver = {t: run(lake, "sql", "--format", "csv", "-c", f"select * from silver.{t} order by all") for t in
          ["fact_listen_events", "fact_page_view_events", "fact_auth_events", "fact_status_change_events", "dim_user",
           "dim_user_history", "dim_song", "dim_location", "dim_time"]}
run(lake, "refine", "--rebuild")
for table, text in silver.items():
    assert run(lake, "sql", "--format", "csv", "-c", f"select * from silver.{table} order by all") == text, table
run(lake, "build")
assert gold(lake) == before
audit(lake)
