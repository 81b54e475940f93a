#!/usr/bin/env bash
# Fetches libchdb, the real ClickHouse server of `lakefm serve --clickhouse` and of the cluster tests: npm's
# @chdb/lib-linux-x64-gnu (178 MB), of which only libchdb.so (566 MB) is kept, as deps/clickhouse/libchdb.so.
# The version is pinned (npm's latest is older and cannot listen) and the file is checked. CHDB_LIBRARY=FILE takes that file.
set -euo pipefail
cd "$(dirname "$0")/.."
package=@chdb/lib-linux-x64-gnu@26.7.3-stable.1
sum=36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5
out=deps/clickhouse/libchdb.so

whole() { [ -f "$1" ] && sha256sum "$1" | grep -q "^$sum "; }
if [ -f deps/clickhouse/.whole ] && [ -f $out ] && [ "$(cat deps/clickhouse/.whole)" = "$sum" ]; then exit 0; fi
[ "$(uname -m)" = x86_64 ] || { echo "deps: libchdb with a server is published for x86_64 only" >&2; exit 1; }
mkdir -p deps/clickhouse
if [ -n "${CHDB_LIBRARY:-}" ]; then
    ln -sfn "$(realpath "$CHDB_LIBRARY")" $out
else
    if ! command -v npm >/dev/null; then
        root=()
        [ "$(id -u)" -eq 0 ] || root=(sudo)
        echo "deps: installing npm"
        export DEBIAN_FRONTEND=noninteractive
        "${root[@]}" apt-get update -qq
        "${root[@]}" apt-get install -y -qq --no-install-recommends npm >/dev/null
    fi
    echo "deps: fetching $package (178 MB)"
    rm -rf deps/clickhouse/part
    mkdir deps/clickhouse/part
    (cd deps/clickhouse/part && npm pack --silent "$package" >/dev/null && tar xzf ./*.tgz package/libchdb.so)
    mv deps/clickhouse/part/package/libchdb.so $out
    rm -rf deps/clickhouse/part
fi
whole $out || { echo "deps: $out is not the pinned file (sha256 $sum)" >&2; exit 1; }
echo "$sum" >deps/clickhouse/.whole
