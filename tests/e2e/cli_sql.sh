# `lakefm sql` without a lake: formats, files, errors, limits.
. "$(dirname "$0")/lib.sh"
sql() { lakefm sql --no-lake "$@"; }

run sql -c "select 42 as answer, 'x' as t, null as n, 1.50 as d"
code 0; no_err
is "$out" $'answer  t     n     d\n------  -  ----  ----\n    42  x  NULL  1.50'
run sql --format csv -c "select 'a,b' as \"x y\", '' as empty, null as none, 'q\"q' as q, 1 as one"
is "$out" $'x y,empty,none,q,one\n"a,b","",,"q""q",1'
run sql --format json -c "select 1 as a, 'é' as b, [1,null] as l, {'k': date '2025-01-02'} as s, 'nan'::double as f from range(2)"
python3 -c '
import json,sys
rows = json.load(open(".out"))
assert rows == [{"a": 1, "b": "é", "l": [1, None], "s": {"k": "2025-01-02"}, "f": None}] * 2, rows' || fail "json"
run sql --format jsonl -c "select range as n from range(3)"
is "$out" $'{"n":0}\n{"n":1}\n{"n":2}'
run sql --json -c "select 1 as a where false"; is "$out" '[]'
run sql -c "select 1 as a where false"; is "$out" $'a\n-'
run sql -c "select 1 as a; create table t as select 2 as b; from t"
is "$out" $'a\n-\n1\n\nb\n-\n2'

# Many rows stream; a reader that leaves is no failure.
is "$(sql --format csv -c 'select range as n from range(1000000)' | sha256sum)" \
    "$( (echo n; seq 0 999999) | sha256sum)"
sql -c 'select * from range(10000000)' 2>.err | head -n 1 >/dev/null
is "${PIPESTATUS[0]}" 0
no_err

# Scripts: -f, -f -, stdin.
printf -- "-- a remark; not a statement\nselect ';' as semi;\n\nselect 2 as two\n" >s.sql
run sql --format csv -f s.sql; code 0; is "$out" $'semi\n;\ntwo\n2'
same=$out
is "$(sql --format csv -f - <s.sql)" "$same"
is "$(sql --format csv <s.sql)" "$same"
run sql -f nowhere.sql; code 1; err 'nowhere.sql: No such file'

# Files: the format by the name; whole or not at all; out of reach unless allowed.
sql -c "select range as n, 'x' as t from range(5)" -o n.parquet || fail "parquet"
run sql --allow . --format csv -c "select count(*) as c, sum(n) as s from 'n.parquet'"; is "$out" $'c,s\n5,10'
sql -c "select 1 as a" -o a.csv; is "$(cat a.csv)" $'a\n1'
sql -c "select 1 as a" -o a.json; is "$(tr -d ' \n' <a.json)" '[{"a":1}]'
sql -c "select 1 as a" -o a.ndjson; is "$(cat a.ndjson)" '{"a":1}'
sql -c "select 2 as a" -o a.csv; is "$(cat a.csv)" $'a\n2'
run sql -c "select 'x'::int from range(5)" -o a.csv; code 1; is "$(cat a.csv)" $'a\n2'
is "$(echo *.part-*)" '*.part-*'
run sql -c "select 1" -o nowhere/a.csv; code 1; one_line_err; err 'nowhere/a.csv'
run sql -c "select 1; select 2" -o n.parquet; code 1; err 'exactly one SELECT'
run sql -c "from 'n.parquet'"; code 1; one_line_err; err '--allow DIR'
run sql -c "copy (select 1) to 'b.csv'"; code 1; [ ! -e b.csv ] || fail "written"
run sql -c "attach 'x.db' as x"; code 1
run sql -c "set enable_external_access = true"; code 1
run sql -c "from read_csv('/etc/passwd')"; code 1
run sql --allow . -c "copy (select 1 as b) to 'b.csv'"; code 0; is "$(cat b.csv)" $'b\n1'

# Errors say where.
run sql -c $'select 1,\n  nope\nfrom range(2)'
code 1; no_out; one_line_err; err 'line 2, column 3: Binder Error: Referenced column "nope" not found'
run sql -c $'select 1 as a;\nselct 2'; code 1; no_out; err 'line 2, column 1: Parser Error'
run sql -c $'select 1 as a;\n\n select 2 from missing'; code 1; err 'line 3, column 16: Catalog Error'
run sql --json -c 'selct'; err '{"error":"input","message":"Parser Error: syntax error at or near \"selct\"","where":"line 1, column 1"}'
run sql -c $'select \'\xff\''; code 1; err 'not valid UTF-8'
run sql -c ''; code 0; no_out
run sql -c '-- nothing'; code 0

# Limits: time, memory, Ctrl-C.
slow='select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = -1'
run sql --timeout 100ms -c "$slow"; code 1; one_line_err; err 'the time limit of 100 ms has passed'
run sql --memory 32MiB --threads 1 -c "select count(distinct range::varchar || 'some more text') from range(3000000)"
[ "$code" -eq 0 ] || err 'Out of Memory Error'
run timeout --preserve-status -s INT 1 "$LAKEFM" sql --no-lake -c "$slow"; code 1; err 'interrupted'
# The second Ctrl-C does not wait, but one that comes at once is the echo of the first.
"$LAKEFM" sql --no-lake -c "$slow" >.out 2>.err & pid=$!
sleep 0.5; kill -INT $pid; kill -INT $pid; wait $pid; code=$?; code 1; err 'interrupted'

# Without a lake there is none.
run lakefm sql -c 'select 1'; code 1; one_line_err; no_out
is "$(ls -A "$HOME")" ''
