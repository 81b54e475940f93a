#!/usr/bin/env bash
# All tests of CI, suite by suite; the last line sums them up. TEST_SUITES="unit e2e" runs only those.
set -u
cd "$(dirname "$0")/.."
suites=${TEST_SUITES:-unit e2e dbt realdbt kafka web address fuzz}
jobs=-j$(nproc)
log=$(mktemp)
passed=0 failed=0 skipped=0

# suite NAME COMMAND...: shows its output; counts its "N passed, N failed"; without such a line the exit code is one test.
suite() {
    local name=$1 started=$SECONDS code line
    shift
    echo "=== $name"
    "$@" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        local f
        passed=$((passed + $(cut -d' ' -f1 <<<"$line"))) f=$(cut -d' ' -f3 <<<"$line")
        [ "$code" -eq 0 ] || [ "$f" -gt 0 ] || f=1
        failed=$((failed + f))
        if [[ $line == *skipped ]]; then skipped=$((skipped + $(cut -d' ' -f5 <<<"$line"))); fi
    elif [ "$code" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    [ "$code" -eq 0 ] || echo "=== $name: FAILED (exit $code)"
    echo "=== $name: $((SECONDS - started)) s"
}
wanted() { [[ " $suites " == *" $1 "* ]]; }

make -s "$jobs" build/lakefm || { echo "0 passed, 1 failed"; exit 1; }
wanted unit && suite "unit tests" make -s "$jobs" unit
wanted e2e && suite "end to end" make -s e2e
wanted dbt && suite "dbt conformance" build/venv/bin/python tests/dbt/conformance/compare.py -q "$PWD/build/lakefm"
wanted kafka && suite "a real Kafka broker" tests/kafka.sh "$PWD/build/lakefm" quick
wanted web && suite "the page in a real browser" tests/web/run.sh "$PWD/build/lakefm"
wanted realdbt && suite "artifacts read by dbt and others" build/venv-dbt/bin/python tests/dbt/artifacts.py "$PWD/build/lakefm" build/venv-dbt/bin/dbt
wanted realdbt && suite "gold under real dbt" build/venv-dbt/bin/python tests/dbt/gold_real.py "$PWD/build/lakefm" build/venv-dbt/bin/dbt
wanted address && suite "unit tests, address and undefined behaviour sanitizers" make -s "$jobs" SAN=address unit
wanted thread && suite "threaded parts, thread sanitizer" make -s "$jobs" SAN=thread THREADED=1 unit
wanted fuzz && suite "fuzzing decoder and renderer" make -s fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-20}"
rm -f "$log"
echo
if [ $skipped -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ $failed -eq 0 ]
