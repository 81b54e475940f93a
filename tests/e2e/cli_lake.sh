# `status`, `audit` and `sql` on a lake of real events: what they say, and what they say when something is wrong.
. "$(dirname "$0")/lib.sh"
golden=$TESTS/golden/eventsim
fm() { lakefm --lake lake "$@"; }
lines() { gzip -dc "$golden/$1.json.gz" | wc -l; }
value() { lakefm --lake lake sql --format csv -c "select $1" | tail -n 1; }

# No lake, and what is none.
for command in status audit 'sql -c select'; do
    run fm $command
    code 1; no_out; one_line_err; err 'makes a lake there'
done
[ ! -e lake ] || fail "a reading command made a lake"
mkdir photos; touch photos/cat.jpg
run lakefm --lake photos status; code 1; no_out; one_line_err; err photos

# Bronze only.
gzip -dc "$golden/auth_events.json.gz" >auth_events.json
echo '{"ts": "no number"}' >>auth_events.json
fm ingest -q "$golden/listen_events.json.gz" auth_events.json || fail ingest
run fm status; code 0; no_err
out 'listen_events'; out 'wait in bronze: lakefm --lake lake refine'
run fm status --json; code 0
python3 - "$(lines listen_events)" <<'PY' || fail "status --json"
import json, sys
s = json.load(open(".out"))
listens = int(sys.argv[1])
topics = {t["topic"]: t for t in s["topics"]}
assert topics["listen_events"]["delivered"] == listens == topics["listen_events"]["pending_rows"], topics
assert s["pending_batches"] >= 1 and s["pending_rows"] > listens, s
assert {(t["layer"], t["table"]) for t in s["tables"]} == {("bronze", "listen_events"), ("bronze", "auth_events")}, s
assert [x["rows"] for x in s["sources"] if x["topic"] == "listen_events"] == [listens], s
PY
is "$(value 'count(*) from fact_listen_events')" 0
is "$(value "count(*) from read_json('lake/bronze/listen_events/*/*/*.gz')")" "$(lines listen_events)"
run fm audit; code 0; no_err; out 'The lake is what its log says'; no_out BAD

# Silver: tables by their names, with and without schema; the bad record where it can be asked for.
fm refine -q || fail refine
is "$(value 'count(*) from fact_listen_events')" "$(lines listen_events)"
is "$(value 'count(*) from silver.fact_auth_events')" "$(lines auth_events)"
is "$(value "string_agg(reason || raw) from quarantine.records" | tr -d '"')" 'wrong_type{ts: no number}'
is "$(value "count(*) from information_schema.tables where table_schema = 'silver' and table_name like 'dim_%'" | sed 's/^[1-9].*/some/')" some
is "$(value "typeof(event_time) from fact_listen_events limit 1")" TIMESTAMP
run fm sql -c 'create table silver.x as select 1'; code 0 # in memory: the lake is not touched
run fm sql -c "copy fact_listen_events to 'stolen.csv'"; code 1; [ ! -e stolen.csv ] || fail "written"
run fm sql -c 'from fact_listen_evnts'; code 1; one_line_err; err 'Did you mean'
fm sql -c 'select * from fact_listen_events' -o listens.parquet || fail "-o"
is "$(lakefm sql --no-lake --allow . --format csv -c "select count(*) from 'listens.parquet'" | tail -n 1)" "$(lines listen_events)"
run fm status; code 0; out 'Quarantined, by reason'; out 'wrong_type'; out 'lakefm --lake lake build'; no_out 'wait in bronze'
run fm audit; code 0; no_out BAD
run fm audit --quick --json; code 0
python3 -c 'import json; a = json.load(open(".out")); assert a["bad"] == 0 and a["findings"] and a["files"] > 2' || fail "audit --json"

# Compacting keeps the rows.
for day in 1 2 3; do
    printf '{"ts":%d,"sessionId":1,"level":"free","itemInSession":%d,"city":"x","zip":"1","state":"CA","userAgent":"u","lon":1.5,"lat":2.5,"success":true}\n' \
        $((1700000000000 + day)) $day >more_$day.json
    fm ingest -q --topic auth_events more_$day.json && fm refine -q || fail "more $day"
done
run fm audit; code 0; no_out BAD

# Gold.
run fm build; code 0; out 'Completed successfully'
run fm status; code 0; out 'top_songs_by_play_count'; out 'gold all of silver'
is "$(value 'sum(play_count) from top_songs_by_play_count')" "$(lines listen_events)"
is "$(value 'count(*) > 0 from gold.daily_user_listen_counts')" true
run fm build; code 0
run fm audit; code 0; no_out BAD

# Another writer holds the lake.
exec 9<>lake/log/writer.lock
if flock -n 9; then
    run fm ingest -q --topic auth_events more_1.json; code 4; one_line_err
    run fm refine; code 4; one_line_err
    run fm status; code 0
    flock -u 9
fi
exec 9>&-

# A file that is not what the log says: named by the audit, refused by sql.
victim=$(find lake/silver/fact_listen_events -name '*.parquet' | head -n 1)
cp "$victim" kept
printf X | dd of="$victim" bs=1 seek=100 conv=notrunc status=none
run fm audit; code 1; out BAD; out "${victim#lake/}"; err 'between the lake and its log'; one_line_err
run fm audit --quiet; code 1; no_out 'ok  '
run fm audit --quick; code 0                      # sizes are as they were
printf X >>"$victim"
run fm audit --quick; code 1; out "${victim#lake/}"
run fm sql -c 'select count(*) from fact_listen_events'; code 1; one_line_err; err "${victim#lake/}"
cp kept "$victim"
run fm audit; code 0
rm "$victim"
run fm audit --json; code 1; err '"error":"corrupt"'
python3 -c 'import json; a = json.load(open(".out")); assert a["bad"] >= 1, a' || fail "audit --json of a missing file"
