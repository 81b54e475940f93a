#!/usr/bin/env bash
# Runs cmocka programs one after the other; prints a line for each and the whole output of those that fail.
# Last line: "N passed, N failed", counting test functions.
set -u
passed=0 failed=0
for program in "$@"; do
    out=$(env ${RUN_ENV:-} "$program" 2>&1)
    rc=$?
    ok=$(grep -c '^\[       OK \]' <<<"$out")
    bad=$(grep -c '^\[  FAILED  \] [a-z_0-9A-Z]*$' <<<"$out")
    if [ $rc -ne 0 ]; then
        [ "$bad" -gt 0 ] || bad=1
        echo "FAIL  $program (exit $rc)"
        echo "$out"
    else
        echo "ok    $program ($ok)"
    fi
    passed=$((passed + ok)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
