#!/usr/bin/env bash
# web.sh PROGRAM [LAKE]: tests/bench/web.mjs on a lake that is made if it is not there, and removed unless it is named.
set -eu
export LAKEFM=$(realpath "$1") CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
lake=${2:+$(realpath -m "$2")}
cd "$(dirname "$0")"
[ -x "$CHROMIUM" ] || { echo "no browser at $CHROMIUM (apt-get install chromium)" >&2; exit 1; }
[ -d ../web/node_modules ] || (cd ../web && npm ci --silent --no-audit --no-fund)
export WORK=$(mktemp -d /tmp/lakefm-web-XXXXXX)
trap 'rm -rf "$WORK"' EXIT
export LAKE=${lake:-$WORK/lake}
node web.mjs
