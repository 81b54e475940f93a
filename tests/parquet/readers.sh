#!/usr/bin/env bash
# Our Parquet files read back by PyArrow, DuckDB, ClickHouse (chdb) and Spark: every value, and filters by statistics.
#   tests/parquet/readers.sh [engine…]
# Needs python3 (with venv) and, for Spark, Java 17. Installs the engines into VENV (default build/venv-readers) by pip if
# they are missing. B is the build folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=${B:-build}
VENV=${VENV:-$B/venv-readers}
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

make -s B="$B" ROOMS="base parquet" "$B/liblakefm.a"
cc -O2 -std=gnu11 -D_GNU_SOURCE -Isrc -o "$DIR/make_files" tests/parquet/make_files.c "$B/liblakefm.a" \
    -lzstd -lxxhash -ldeflate -lz -lpthread -lm
"$DIR/make_files" "$DIR"

[ -x "$VENV/bin/python" ] || python3 -m venv "$VENV"
"$VENV/bin/python" -c 'import pyarrow, duckdb, chdb, pyspark' 2>/dev/null ||
    "$VENV/bin/pip" install -q pyarrow duckdb chdb pyspark
"$VENV/bin/python" tests/parquet/readers.py "$DIR" "$@"
