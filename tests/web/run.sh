#!/usr/bin/env bash
# The page in real Chromium: tests/web/run.sh LAKEFM_BINARY. Makes a lake from tests/golden/eventsim, serves it, opens it.
# CHROMIUM names the browser. Prints "N passed, N failed".
set -eu
cd "$(dirname "$0")"
export LAKEFM=$(realpath "${1:-../../build/lakefm}") CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
[ -x "$CHROMIUM" ] || { echo "no browser at $CHROMIUM (apt-get install chromium)" >&2; exit 1; }
[ -d node_modules ] || npm ci --silent --no-audit --no-fund
work=$(mktemp -d /tmp/lakefm-web-XXXXXX)
trap 'rm -rf "$work"' EXIT
export WORK=$work LAKE=$work/lake
for t in listen_events page_view_events auth_events status_change_events; do
    gzip -dc "../golden/eventsim/$t.json.gz" >"$work/$t.json"
done
"$LAKEFM" -q --lake "$LAKE" ingest "$work"/*.json >/dev/null
"$LAKEFM" -q --lake "$LAKE" refine >/dev/null
"$LAKEFM" -q --lake "$LAKE" build >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
rc=0
node --test --test-concurrency=1 --test-reporter=spec ${TEST_ONLY:+--test-name-pattern="$TEST_ONLY"} ./*.test.mjs | tee "$work/log" || true
passed=$(sed -n 's/^ℹ pass //p' "$work/log") failed=$(sed -n 's/^ℹ fail //p' "$work/log")
echo "${passed:-0} passed, ${failed:-1} failed"
[ "${failed:-1}" = 0 ]
