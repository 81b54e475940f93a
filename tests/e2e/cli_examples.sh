# The examples are good: the commands of examples/README.md as they stand there, each settings file, the dashboard's SQL.
. "$(dirname "$0")/lib.sh"
cp -r "$TESTS/../examples" examples
grep '^    lakefm' examples/README.md | grep -v ' serve ' >commands
is "$(wc -l <commands)" 4
while read -r command; do
    eval "$command" >.out 2>.err || code=$?
    is "${code:-0}" "$(case $command in *refine*) echo 3 ;; *) echo 0 ;; esac)" # one of six records is broken: above the 5 %
    code=0
    out=$(cat .out)
    case $command in
    *'group by'*) out 'Why lakes'; out 'Café talk' ;;
    *quarantine*) out 'wrong_type'; out 'seconds' ;;
    esac
done <commands
run lakefm --lake pods audit; code 0; no_out BAD
for settings in laptop cluster; do
    run lakefm --config examples/$settings.yml --lake pods status; code 0; no_err
done

# The dashboard's statements, without filters, on that lake.
python3 - <<'PY' >queries || fail "podcasts.yml"
import re
text = open("examples/dashboards/podcasts.yml").read()
for sql in re.findall(r"sql: \|\n((?:      .*\n)+)", text):
    print(" ".join(re.sub(r"\[\[.*?\]\]", "", sql).split()))
PY
is "$(wc -l <queries)" 2
while read -r query; do
    run lakefm --lake pods --set contracts=examples/contracts sql --format csv -c "$query"; code 0; no_err
    [ "$(wc -l <.out)" -gt 1 ] || fail "no rows: $query"
done <queries
