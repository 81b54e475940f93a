# `compact` keeps the rows and the audit's word, and leaves fewer files.
. "$(dirname "$0")/lib.sh"
golden=$TESTS/golden/eventsim
fm() { lakefm --lake lake "$@"; }
lines() { gzip -dc "$golden/$1.json.gz" | wc -l; }
value() { lakefm --lake lake sql --format csv -c "select $1" | tail -n 1; }
sum='hash(count(*), sum(hash(t)::hugeint)) from fact_auth_events t'

run fm compact; code 1; no_out; one_line_err; err 'makes a lake there'
# A day's events in many small commits.
gzip -dc "$golden/auth_events.json.gz" | head -n 400 | split -l 20 -d -a 2 - part_
for part in part_*; do
    fm ingest -q --topic auth_events "$part" && fm refine -q || fail "$part"
done
rows=$(value "$sum")
files=$(find lake/silver/fact_auth_events -name '*.parquet' | wc -l)
run fm compact --min-files 3; code 0; no_err; out merged
[ "$(find lake/silver/fact_auth_events -name '*.parquet' | wc -l)" -lt "$files" ] || fail "no fewer files"
is "$(value "$sum")" "$rows"
run fm audit; code 0; no_out BAD
run fm compact --min-files 3 --json; code 0; out '"folders":0'

bronze=$(find lake/bronze -name '*.gz' | wc -l)
run fm compact --all --min-files 3; code 0
[ "$(find lake/bronze -name '*.gz' | wc -l)" -lt "$bronze" ] || fail "no fewer bronze files"
run fm audit; code 0; no_out BAD
run fm refine --rebuild -q; code 0
is "$(value "$sum")" "$rows"
run fm audit; code 0; no_out BAD
