# For the shell tests: . "$(dirname "$0")/lib.sh"
#
#     run lakefm ARGS…      runs it; then $code, $out and $err hold what came of it
#     code 2                the exit code is that
#     out 'text', err 'text'    is in there (a fixed string); no_out, no_err: is not
#     is "$a" "$b"          the same
# A failed check says where and ends the test.
set -u
lakefm() { "$LAKEFM" "$@"; }
fail() {
    echo "line ${BASH_LINENO[1]}: $*"
    echo "--- exit code ${code:-}"; echo "--- stdout"; echo "${out:-}"; echo "--- stderr"; echo "${err:-}"
    exit 1
}
run() {
    "$@" >.out 2>.err
    code=$?
    out=$(cat .out) err=$(cat .err)
}
code() { [ "$code" -eq "$1" ] || fail "exit code $code, not $1"; }
out() { grep -qF -- "$1" .out || fail "stdout lacks: $1"; }
err() { grep -qF -- "$1" .err || fail "stderr lacks: $1"; }
no_out() { [ $# -eq 0 ] && { [ ! -s .out ] || fail "stdout is not empty"; return; }; ! grep -qF -- "$1" .out || fail "stdout has: $1"; }
no_err() { [ $# -eq 0 ] && { [ ! -s .err ] || fail "stderr is not empty"; return; }; ! grep -qF -- "$1" .err || fail "stderr has: $1"; }
is() { [ "$1" = "$2" ] || fail "$(printf '"%s" is not "%s"' "$1" "$2")"; }
one_line_err() { is "$(wc -l <.err)" 1; }
