#!/usr/bin/env bash
# All measurements in one run (make bench): bench.sh PROGRAM BUILD_DIR [simulate|silver|build …]. Needs 12 GB in BENCH_DIR
# (default: a new folder in /tmp) and, for the page cache, 6 GB of free memory. BENCH_USERS scales the world.
set -eu
lakefm=$(realpath "$1") build=$(realpath "$2")
shift 2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${BENCH_DIR:-/tmp}/lakefm-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
parts=${*:-simulate silver build}
sed -n 's/^model name.*: /processor: /p' /proc/cpuinfo | head -n 1
echo "$(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
case $parts in
*silver* | *build*)
    "$lakefm" simulate --config "$here/../golden/eventsim/example-config.json" --seed 7 --users "${BENCH_USERS:-18200}" \
        --growth-rate 0.25 --from 2025-11-01 --to 2026-01-30 --out "$work/events" -q
    ;;
esac
for part in $parts; do
    printf '\n== %s\n' "$part"
    case $part in
    simulate) "$here/simulate.sh" "$lakefm" ;;
    silver) "$here/silver_bench.sh" "$work/events/listen_events.json" "$build/tests/bench" "$work" "${ROUNDS:-3}" ;;
    build) "$here/build.sh" "$lakefm" "$work/events" "$work" ;;
    *) echo "no such part: $part" && exit 2 ;;
    esac
done
echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
