#!/usr/bin/env bash
# How fast the simulator is: tests/bench/simulate.sh PROGRAM. Lines go to /dev/null, so no disk is measured; the last block
# writes files, beside what the disk alone takes. eventsim's own: 37,900 lines/s of wall, 81,200 a CPU second (the same
# world, config and size: 12,000 users, 90 days).
set -u
lakefm=$(realpath "${1:?usage: simulate.sh PROGRAM}")
config=$(cd "$(dirname "$0")/../golden/eventsim" && pwd)/example-config.json
big=(--config "$config" --seed 7 --users 12000 --growth-rate 0.25 --from 2025-11-01 --to 2026-01-30)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { # WHAT COMMAND…: lines and bytes through wc once, then the time to /dev/null, best of three
    local what=$1 best='' t
    shift
    read -r lines bytes < <("$@" | wc -lc)
    for _ in 1 2 3; do
        t=$( { TIMEFORMAT='%R %U %S'; time "$@" >/dev/null; } 2>&1 | tail -n 1)
        best=$(printf '%s\n%s\n' "$best" "$t" | grep . | sort -n | head -n 1)
    done
    awk -v what="$what" -v l="$lines" -v b="$bytes" -v t="$best" 'BEGIN { split(t, a, " "); cpu = a[2] + a[3]
        printf "%-34s %9d lines %8.1f MB  %6.2f s wall %6.2f s CPU  %6.2f M lines/s  %7.0f MB/s  %6.2f M lines/CPU s\n",
               what, l, b / 1e6, a[1], cpu, l / a[1] / 1e6, b / a[1] / 1e6, l / cpu / 1e6 }'
}
echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
measure 'exact, one thread' "$lakefm" simulate "${big[@]}" --threads 1 --out -
measure 'exact, one walking, one writing' "$lakefm" simulate "${big[@]}" --threads 2 --out -
measure 'streams, one thread' "$lakefm" simulate "${big[@]}" --streams --threads 1 --out -
measure 'streams, all cores' "$lakefm" simulate "${big[@]}" --streams --out -
short=(--config "$config" --seed 7 --from 2025-11-01T00:00:00 --to 2025-11-01T00:00:01)
for users in 1000 1000000; do
    measure "start of $users users, exact" "$lakefm" simulate "${short[@]}" --users $users --out -
    measure "start of $users users, streams" "$lakefm" simulate "${short[@]}" --users $users --streams --out -
done
for users in 100000 1000000 10000000; do
    hours=$((60000000 / users))
    to=$(date -u -d "2025-11-03 00:00:00 UTC + $hours hours" +%Y-%m-%dT%H:%M:%S)
    measure "streams, $users users, $hours h" "$lakefm" simulate --config "$config" --users $users --from 2025-11-03 --to "$to" --streams --out -
done
for compress in none gz zst; do
    TIMEFORMAT="files, $compress: %R s wall, %U s user, %S s system"
    time "$lakefm" --quiet simulate "${big[@]}" --streams --compress $compress --out "$work/$compress"
done
TIMEFORMAT='the same bytes by cat alone: %R s wall, %U s user, %S s system'
time cat "$work"/none/*.json >"$work/copy"
