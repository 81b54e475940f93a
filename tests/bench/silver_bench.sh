#!/usr/bin/env bash
# Raw NDJSON of listen events → silver Parquet: ours (deduplicated, dimensions, commit and fsync included) beside DuckDB
# alone (COPY of read_json with explicit columns, partitioned, zstd; no deduplication, no dimensions, and sync(1) after
# it), alternating, in one run on one machine.
#   silver_bench.sh FILE BUILD_DIR WORK_DIR [ROUNDS]
# The build dir must hold silver_bench and duckdb_bench (make bench).
set -eu
file=$1 build=$2 work=$3 rounds=${4:-5}
out=$work/duckdb
sql="copy (select ts, make_timestamp_ms(ts)::timestamp_ms as event_time, userId, sessionId, itemInSession, song, artist, duration,
 level, auth, zip, city, state, trim(userAgent, '\"') as userAgent, year(make_timestamp_ms(ts))::usmallint as year,
 month(make_timestamp_ms(ts))::utinyint as month, day(make_timestamp_ms(ts))::utinyint as day,
 hour(make_timestamp_ms(ts))::utinyint as hour, 1::bigint as batch, make_timestamp_ms(ts)::date as date
 from read_json('$file', format = 'newline_delimited', columns = {artist: varchar, song: varchar, duration: double, ts: bigint,
 sessionId: bigint, auth: varchar, level: varchar, itemInSession: uinteger, city: varchar, zip: varchar, state: varchar,
 userAgent: varchar, lon: double, lat: double, userId: bigint, lastName: varchar, firstName: varchar, gender: varchar,
 registration: bigint})) to '$out' (format parquet, compression zstd, partition_by (date))"
cat "$file" >/dev/null
for ((i = 1; i <= rounds; i++)); do
    rm -rf "$work/lake" "$out"
    echo "lakefm  $("$build/silver_bench" listen_events "$file" "$work/lake")"
    rm -rf "$work/lake"
    echo "duckdb  $("$build/duckdb_bench" "$sql")"
    rm -rf "$out"
done
