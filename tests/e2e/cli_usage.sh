# Mistakes on the command line: exit 2, one line, the nearest name.
. "$(dirname "$0")/lib.sh"
usage() { # ARGS… -- what stderr must have
    local args=()
    while [ "$1" != -- ]; do args+=("$1"); shift; done
    run lakefm "${args[@]}"
    code 2; no_out; one_line_err
    shift
    for text in "$@"; do err "$text"; done
}
usage versoin -- 'lakefm: unknown command "versoin"; did you mean "version"? See lakefm --help'
usage xyzzy -- 'unknown command "xyzzy"; see lakefm --help'
usage version --lkae x -- 'lakefm version: unknown option "--lkae"; did you mean "--lake"? See lakefm version --help'
usage sql --fromat csv -c x -- 'did you mean "--format"?'
usage --fromat csv sql -- 'unknown option "--fromat"'
usage sql -X -- 'unknown option "-X"'
usage sql --format -- '--format wants a value: NAME'
usage sql --format xml -c x -- '--format: "xml" is none of table, csv, json, jsonl, parquet'
usage sql --timeout 5 -c x -- '"5" is no duration'
usage sql extra -- 'does not know what to do with "extra"'
usage version --threads -1 -- 'is not within'
usage version --set threads -- '--set wants key=value'
usage version --set treads=2 -- 'unknown setting "treads"; did you mean "threads"?'
usage sql -c x -f y -- 'either -c or -f'
usage sql --no-lake -c 'select 1' --format parquet -- 'add -o FILE.parquet'

# --json: the error as an object, still on stderr.
run lakefm --json versoin
code 2; no_out; one_line_err
err '{"error":"usage","message":"unknown command \"versoin\"","hint":"did you mean \"version\"? See lakefm --help"}'

# Colours only when asked for: stderr is no terminal here.
run lakefm versoin; no_err $'\033'
run lakefm --color=always versoin; err $'\033[31m'

# Output that cannot be written is no success; memory that is not there is one line.
if [ -e /dev/full ]; then
    "$LAKEFM" --help >/dev/full 2>.err; code=$?; code 1; one_line_err; err 'cannot write to standard output: No space left on device'
fi
grep -q __asan_init "$LAKEFM" && exit 0 # a sanitizer wants all addresses there are
(ulimit -v 600000; head -c 900000000 /dev/zero | tr '\0' ' ' | "$LAKEFM" sql --no-lake) >.out 2>.err; code=$?
code 1; one_line_err; err 'lakefm: out of memory'
