#!/usr/bin/env bash
# The whole path by the command line, and how the cost of a build follows new data:
#   build.sh PROGRAM EVENTS WORK
# EVENTS: a folder of eventsim files (all four topics). Another simulated hour is the small batch.
set -eu
lakefm=$(realpath "$1") events=$2 work=$3
config=$(cd "$(dirname "$0")/../golden/eventsim" && pwd)/example-config.json
lake=$work/lake
run() { # WHAT COMMAND…
    local what=$1
    shift
    /usr/bin/time -f "$what|%e|%U|%S|%M" -o "$work/time" "$@" >/dev/null
    awk -F'|' '{ printf "%-46s %7.2f s wall %7.2f s CPU %5d MB\n", $1, $2, $3 + $4, $5 / 1024 }' "$work/time"
    wall=$(cut -d'|' -f2 "$work/time")
}
rm -rf "$lake"
cat "$events"/*.json >/dev/null
run "ingest of all files (bronze, gzip)" "$lakefm" --lake "$lake" -q ingest "$events"
run "refine (bronze to silver)" "$lakefm" --lake "$lake" -q refine
du -shL "$events" "$lake/bronze" "$lake/silver" | awk '{ printf "%s %s  ", $1, $2 } END { print "" }'
run "build, the first" "$lakefm" --lake "$lake" -q build
run "build, everything anew" "$lakefm" --lake "$lake" -q build --full-refresh
full=$wall
"$lakefm" simulate --config "$config" --users 18000 --seed 99 --from 2026-02-03T12:00:00 --to 2026-02-03T13:00:00 --out "$work/hour" -q
run "one more hour: ingest" "$lakefm" --lake "$lake" -q ingest "$work/hour"
run "one more hour: refine" "$lakefm" --lake "$lake" -q refine
run "one more hour: build" "$lakefm" --lake "$lake" -q build
awk -v a="$wall" -v b="$full" 'BEGIN { printf "%.0f %% of a whole build\n", 100 * a / b }'
for _ in 1 2 3; do run "build with nothing to do" "$lakefm" --lake "$lake" -q build; done
for _ in 1 2 3; do run "--help" "$lakefm" --help; done
echo "the program: $(stat -c %s "$lakefm") bytes"
rm -rf "$lake" "$work/hour"
