#!/usr/bin/env bash
# Raw NDJSON of listen events → silver Parquet: ours (deduplicated, dimensions, commit and fsync included) beside DuckDB
# alone (COPY of read_json with explicit columns, partitioned, zstd; no deduplication, no dimensions, no fsync: that is
# timed apart), alternating, in one run on one machine.
#   silver_bench.sh FILE BUILD_DIR WORK_DIR [ROUNDS]
# BUILD_DIR holds silver_bench and duckdb_bench (make bench).
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
results=$work/silver.txt
: >"$results"
for ((i = 1; i <= rounds; i++)); do
    rm -rf "$work/lake" "$out"
    echo "lakefm  $("$build/silver_bench" listen_events "$file" "$work/lake")" | tee -a "$results"
    ours=$(du -sm "$work/lake/silver/fact_listen_events" | cut -f1)
    rm -rf "$work/lake"
    echo "duckdb  $("$build/duckdb_bench" "$sql")" | tee -a "$results"
    theirs=$(du -sm "$out" | cut -f1)
    TIMEFORMAT='        (its files made durable afterwards: %R s)'
    time find "$out" -name '*.parquet' -print0 | xargs -0 sync
    rm -rf "$out"
done
awk -v bytes="$(stat -Lc %s "$file")" -v ours="$ours" -v theirs="$theirs" '
    { cpu = $6 + $9; if (!($1 in wall) || $3 < wall[$1]) wall[$1] = $3; if (!($1 in least) || cpu < least[$1]) least[$1] = cpu }
    $1 == "lakefm" { if ($(NF - 1) > peak) peak = $(NF - 1); rows = $12 }
    END { printf "%.2f GB, %d rows, best of each: lakefm %.2f s wall, %.2f s CPU, %d MB, files %d MB; DuckDB %.2f s wall, %.2f s CPU, files %d MB\n",
              bytes / 1e9, rows, wall["lakefm"], least["lakefm"], peak, ours, wall["duckdb"], least["duckdb"], theirs
          printf "DuckDB / lakefm: %.1f wall, %.1f CPU\n", wall["duckdb"] / wall["lakefm"], least["duckdb"] / least["lakefm"] }' "$results"
