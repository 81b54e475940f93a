# Where settings come from, and in which order. `sql` shows what came of it: DuckDB has the number of threads.
. "$(dirname "$0")/lib.sh"
threads() { lakefm "$@" sql --no-lake --format csv -c "select current_setting('threads') as n" 2>.err | tail -n 1; }

mkdir project lake
printf 'threads: 3\n' >project/lakefm.yml
printf 'threads: 5\n' >lake/lakefm.yml
is "$(threads --config project/lakefm.yml)" 3
is "$(LAKEFM_CONFIG=project/lakefm.yml threads)" 3
is "$(threads)" 5                                   # the lake's own: ./lake is the default
is "$(threads --lake project)" 3
printf '# here\nthreads: 7\n' >lakefm.yml
is "$(threads)" 7                                   # ./lakefm.yml before the lake's
is "$(threads --lake project)" 7
is "$(LAKEFM_THREADS=9 threads)" 9
is "$(LAKEFM_THREADS=9 threads --set threads=11)" 11
is "$(LAKEFM_THREADS=9 threads --set threads=11 --threads 13)" 13
is "$(threads --set threads=11 --set threads=12)" 12

wrong() { # text of lakefm.yml, then what the one line of the error must have
    printf '%s' "$1" >lakefm.yml
    run lakefm version
    code "$2"; no_out; one_line_err; err "$3"
}
wrong $'lake: x\nsilver:\n  levle: 3\n' 2 'lakefm version: lakefm.yml:3: unknown setting "silver.levle"; did you mean "silver.level"?'
wrong $'\n\nthreads: a lot\n' 2 'lakefm.yml:3: threads: "a lot" is no whole number'
wrong $'max_reject_share: 1.5' 2 'lakefm.yml:1: max_reject_share: 1.5 is not within 0 and 1'
wrong $'batch:\n  interval: 5' 2 'lakefm.yml:2: batch.interval: "5" is no duration like 200ms, 5s or 1m'
wrong $'threads: "1\n' 1 'lakefm.yml:2: not valid YAML'
wrong $'kafka:\n  - a\n' 2 'lakefm.yml:2: '
rm lakefm.yml
run env LAKEFM_MEMROY=1GiB "$LAKEFM" version
code 2; one_line_err; err 'unknown setting LAKEFM_MEMROY; did you mean LAKEFM_MEMORY?'
run lakefm --config nowhere.yml version
code 1; one_line_err; err 'cannot open nowhere.yml: No such file or directory'
# Help works whatever the settings say.
printf 'nonsense: 1\n' >lakefm.yml
run lakefm --help; code 0
