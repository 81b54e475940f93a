#!/usr/bin/env bash
# Installs what building and testing lakefm needs and is missing: Debian packages, and two static libraries that come as
# Go modules (pinned in deps/go.mod, checked against deps/go.sum by `go`). Links them as deps/duckdb and deps/rdkafka.
# DUCKDB_DIR= and RDKAFKA_DIR= (with the headers and archives) skip their download.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential ca-certificates libcurl4-openssl-dev libmicrohttpd-dev libjansson-dev libyaml-dev libzstd-dev
    zlib1g-dev libxxhash-dev libdeflate-dev libisal-dev libedit-dev libpcre2-dev libcmocka-dev)
[ -n "${DUCKDB_DIR:-}" ] && [ -n "${RDKAFKA_DIR:-}" ] || command -v go >/dev/null || packages+=(golang-go)

missing=()
for p in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
    root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "deps: as root, run: apt-get install ${missing[*]}" >&2
            exit 1
        }
        root=(sudo)
    fi
    echo "deps: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${root[@]}" apt-get update -qq
    "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) echo "deps: no static DuckDB is published for $(uname -m); build it and set DUCKDB_DIR and RDKAFKA_DIR" >&2; exit 1 ;;
esac

# go mod download verifies against go.sum and prints where the module lies.
module_dir() {
    (cd deps && go mod download -json "$1") | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p'
}
if [ -z "${DUCKDB_DIR:-}" ]; then
    ln -sfn "$(module_dir "github.com/duckdb/duckdb-go-bindings/lib/linux-$arch")" deps/duckdb
    [ -f deps/duckdb/duckdb.h ] || { echo "deps: DuckDB's module was not downloaded; see the lines above" >&2; exit 1; }
fi
if [ -z "${RDKAFKA_DIR:-}" ]; then
    ln -sfn "$(module_dir github.com/confluentinc/confluent-kafka-go/v2)/kafka/librdkafka_vendor" deps/rdkafka
    [ -f deps/rdkafka/rdkafka.h ] || { echo "deps: librdkafka's module was not downloaded; see the lines above" >&2; exit 1; }
fi
