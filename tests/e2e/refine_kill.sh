# Killed at any step, refine ends with the same tables: nothing lost, nothing twice.
. "$(dirname "$0")/lib.sh"
golden=$TESTS/golden/eventsim
tables='fact_listen_events fact_page_view_events fact_auth_events fact_status_change_events dim_user dim_user_history dim_song dim_location dim_time'
sums() {
    for table in $tables; do
        glob="$1/silver/$table/*.parquet"
        case $table in fact_*) glob="$1/silver/$table/*/*.parquet" ;; esac
        lakefm --lake "$1" sql --format csv -c "select count(*), sum(hash(t)::hugeint) from (select * exclude (filename) from read_parquet('$glob', hive_partitioning = false, filename = true)) t" | tail -n 1
    done
}
fill() {
    for topic in listen_events page_view_events; do
        gzip -dc "$golden/$topic.json.gz" | head -n 9000 >"$topic.json"
        lakefm --lake "$1" ingest -q "$topic.json" || fail ingest
    done
    lakefm --lake "$1" ingest -q "$golden/auth_events.json.gz" "$golden/status_change_events.json.gz" || fail ingest
}
fill want
lakefm --lake want refine -q || fail refine
want=$(sums want)
for point in refine.drained refine.ended lake.commit.dirs lake.commit.staging lake.commit.point lake.commit.point.done lake.move:1 \
    lake.move:9 lake.commit.sync lake.commit.clean refine.committed store.create:2 store.fsync:3 store.fsync:20; do
    rm -rf lake
    fill lake
    LAKEFM_FAULT=$point run lakefm --lake lake refine -q
    [ "$code" -eq 137 ] || fail "$point was not reached"
    run lakefm --lake lake refine -q; code 0
    run lakefm --lake lake audit; code 0; no_out BAD
    is "$(sums lake)" "$want"
    # what comes after finds the keys: all of it is known
    run lakefm --lake lake ingest -q --force listen_events.json; code 0
    run lakefm --lake lake refine --json; code 0; out '"rows":0'; out '"duplicates":9000'
done
# A full disk says so, changes nothing, and goes on when there is room.
rm -rf lake
fill lake
LAKEFM_FAULT=store.fsync:4=enospc run lakefm --lake lake refine -q; code 1; one_line_err; err 'No space'
run lakefm --lake lake audit; code 0; no_out BAD
run lakefm --lake lake refine -q; code 0
is "$(sums lake)" "$want"
