#!/usr/bin/env bash
# Runs the tests that start real services (Kafka, HDFS, Spark, ClickHouse): every *.sh and *.py of this folder (run.sh and
# lib* left out), one after the other, each in an empty folder of its own that is removed afterwards.
#
#     tests/cluster/run.sh PROGRAM [NAME...]      PROGRAM: the lakefm to test; NAME: only these (hdfs, kafka_faults, …)
#
# A test gets LAKEFM (absolute path of the program), TESTS (tests/ of the source tree), SERVICES_HOME (where jars are kept),
# HOME (empty) and no other LAKEFM_* variable. It stops what it started, also when it fails. It passes by exiting 0 and fails
# otherwise; then its output is shown. Exit code 77: skipped, its last line says why. CLUSTER_LOGS=DIR keeps all outputs.
# Last line: "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${1:?usage: run.sh PROGRAM [NAME...]}")
[ -x "$program" ] || { echo "$program is no program" >&2; exit 2; }
shift
export SERVICES_HOME=${SERVICES_HOME:-$HOME/.cache/lakefm-services}
python=$(dirname "$(dirname "$here")")/build/venv/bin/python
[ -x "$python" ] || python=python3
passed=0 failed=0 skipped=0
for variable in $(compgen -e | grep '^LAKEFM_'); do unset "$variable"; done
for test in "$here"/*.sh "$here"/*.py; do
    name=$(basename "${test%.*}")
    case $name in run | lib | lib_* | '*') continue ;; esac
    if [ $# -gt 0 ] && ! [[ " $* " == *" $name "* ]]; then continue; fi
    folder=$(mktemp -d "${TMPDIR:-/tmp}/lakefm-cluster-XXXXXX")
    mkdir "$folder/work" "$folder/home"
    case $test in *.py) runner=$python ;; *) runner=bash ;; esac
    started=$SECONDS
    (cd "$folder/work" && LAKEFM=$program TESTS=$(dirname "$here") HOME=$folder/home "$runner" "$test") \
        >"$folder/output" 2>&1 </dev/null
    code=$?
    if [ -n "${CLUSTER_LOGS:-}" ]; then mkdir -p "$CLUSTER_LOGS" && cp "$folder/output" "$CLUSTER_LOGS/$name.log"; fi
    if [ $code -eq 0 ]; then
        echo "ok    $name ($((SECONDS - started)) s)"
        passed=$((passed + 1))
    elif [ $code -eq 77 ]; then
        echo "skip  $name: $(tail -n 1 "$folder/output")"
        skipped=$((skipped + 1))
    else
        echo "FAIL  $name (exit $code)"
        sed 's/^/      /' "$folder/output"
        failed=$((failed + 1))
    fi
    chmod -R u+rwX "$folder" 2>/dev/null
    rm -rf "$folder"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
