# publish clickhouse --dry-run: types from files and project, refusals, usage. No server is needed.
. "$(dirname "$0")/lib.sh"
for topic in listen_events page_view_events auth_events status_change_events; do
    cp "$TESTS/golden/eventsim/$topic.json.gz" .
done
run lakefm --lake lake publish clickhouse --dry-run --mode load; code 1; err 'lake'
run lakefm --lake lake ingest ./*_events.json.gz; code 0
run lakefm --lake lake refine; code 0
run lakefm --lake lake publish clickhouse --dry-run; code 1; err 'no gold yet'; err 'build'
run lakefm --lake lake build; code 0

run lakefm --lake lake publish clickhouse --dry-run --hdfs-root hdfs://hadoop-namenode:8020/user/
code 0; no_err
out 'CREATE DATABASE IF NOT EXISTS `Spotify`;'
out "ENGINE = HDFS('hdfs://hadoop-namenode:8020/user/gold/daily_user_listen_counts/*.parquet', 'Parquet')"
out '`year` UInt16'; out '`month` UInt8'; out '`day` UInt8'; out '`listen_count` UInt32'
out '`churned_users` Nullable(UInt32)'
is "$(grep -c '^CREATE OR REPLACE TABLE' .out)" "$(ls lake/gold | wc -l)"
first=$out
run lakefm --lake lake publish clickhouse --dry-run --hdfs-root hdfs://hadoop-namenode:8020/user; is "$out" "$first"

run lakefm --lake lake publish clickhouse --dry-run --select churn top_artists; code 0
out 'ENGINE = MergeTree'; out 'EXCHANGE TABLES'; out 'accurateCast(`play_count`, '
is "$(grep -c '^CREATE OR REPLACE TABLE' .out)" 2
run lakefm --lake lake publish clickhouse --dry-run --mode file --select churn; code 0
out "FROM file('$PWD/lake/gold/churn/*.parquet', 'Parquet'"
run lakefm --lake lake publish clickhouse --dry-run --set clickhouse.database=Other --select churn; out '`Other`.`churn'

# A type that the values do not fit is refused, with the place that says so. 8,977 songs are too many for UInt8.
mkdir -p own/models
cat >own/models/a.yml <<'END'
version: 2
models:
  - name: top_songs_by_play_count
    columns:
      - {name: song}
      - {name: position, meta: {clickhouse_type: UInt8}}
END
run lakefm --lake lake --dbt own publish clickhouse --dry-run; code 1; no_out
err 'top_songs_by_play_count.position'; err '8977'; err 'UInt8'; err 'own/models/a.yml:6'
sed -i 's/UInt8/UInt16/' own/models/a.yml
run lakefm --lake lake --dbt own publish clickhouse --dry-run --select top_songs_by_play_count; code 0
out '`position` Nullable(UInt16)'

run lakefm --lake lake publish; code 2
run lakefm --lake lake publish clickhous; code 2; err 'did you mean clickhouse?'
run lakefm --lake lake publish clickhouse; code 2; err 'no ClickHouse server is set'
run lakefm --lake lake publish clickhouse --mode hdfs --dry-run; code 2; err '--hdfs-root'
run lakefm --lake lake publish clickhouse --select top_song --dry-run; code 1; err 'gold has no table top_song'
run lakefm --lake lake publish clickhouse --set clickhouse=http://127.0.0.1:9; code 1; one_line_err; err 'http://127.0.0.1:9'
run lakefm --lake lake publish clickhouse --set clickhouse=nonsense; code 2; err 'no address'
