#!/usr/bin/env bash
# Tests of tests/cluster/kafka.py by their names (quick, long, all, parts of names), or "bench": in an empty folder, with a
# broker of their own. usage: tests/kafka.sh PROGRAM WORD...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${1:?usage: kafka.sh PROGRAM WORD...}")
shift
script=$here/cluster/kafka.py
if [ "${1:-}" = bench ]; then script=$here/bench/kafka.py; shift; fi
for variable in $(compgen -e | grep '^LAKEFM_'); do unset "$variable"; done
folder=$(mktemp -d "${TMPDIR:-/tmp}/lakefm-kafka-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
LAKEFM=$program TESTS=$here PYTHONPATH=$here/cluster python3 "$script" "$@"
