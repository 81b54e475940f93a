# Help, version, man page, completion: whole, and in agreement with each other.
. "$(dirname "$0")/lib.sh"

run lakefm --help
code 0; no_err
out 'Usage: lakefm [--lake DIR] COMMAND'
out 'Exit codes: 0 done, 1 failed, 2 bad usage, 3 data rejected beyond the limit'
help=$out
[ "$(awk 'length > 80' .out | wc -l)" -eq 0 ] || fail "lines of more than 80 columns"
run lakefm; code 2; no_out; err 'no command given'
run lakefm help; code 0; is "$out" "$help"
run lakefm -h; is "$out" "$help"
run lakefm --version; code 0; out 'lakefm '
run lakefm version; code 0; out 'DuckDB v'
run lakefm version --json; code 0; out '"duckdb":"v'

# The commands that the overview names: two blanks, then the name, until "Options of every command".
commands=$(sed '/^Options of every/,$d' <<<"$help" | sed -n 's/^  \([a-z-]*\) .*/\1/p')
[ "$(wc -l <<<"$commands")" -ge 3 ] || fail "too few commands"
lakefm generate man >man.1
lakefm generate completion >completion.bash
for command in $commands; do
    run lakefm "$command" --help
    code 0; no_err
    out "lakefm $command: "
    out 'Usage: lakefm [--lake DIR] '"$command"
    out 'Example'
    with_option=$out
    run lakefm help "$command"; code 0; is "$out" "$with_option"
    grep -qF ".SS lakefm $command" man.1 || fail "man page lacks $command"
    grep -qE "^    $command\)" completion.bash || fail "completion lacks $command"
done
run lakefm help settings; code 0; out 'max_reject_share'; out 'LAKEFM_SILVER_LEVEL'

# groff finds nothing to complain of.
if command -v groff >/dev/null; then
    run groff -man -Tutf8 -ww -z man.1
    code 0; no_err
fi

# Completion, as bash would ask for it.
complete_words() {
    COMP_WORDS=(lakefm "$@") COMP_CWORD=$#
    COMPREPLY=()
    _lakefm
    echo "${COMPREPLY[*]}"
}
. ./completion.bash
is "$(complete_words versi)" version
is "$(complete_words sql --outp)" --output
is "$(complete_words --lake x sql --format js)" 'json jsonl'
is "$(complete_words sql --colo)" --color
is "$(complete_words --color a)" 'auto always'
mkdir lakes; touch lakes.txt
is "$(complete_words --lake la)" lakes

run lakefm generate configuration; code 0
out '| `silver.level` | `LAKEFM_SILVER_LEVEL` | whole number | `1` |'
cmp .out "$TESTS/../docs/configuration.md" || fail "docs/configuration.md is not what 'lakefm generate configuration' writes"
