# docs/tables.md is what the program writes, and says of every table of a lake which columns it has, in their order.
. "$(dirname "$0")/lib.sh"
run lakefm generate tables; code 0; no_err
cmp .out "$TESTS/../docs/tables.md" || fail "docs/tables.md is not what 'lakefm generate tables' writes"
awk '/^### / {t = $2} /^\| / && !/^\| column/ {print t "." $2}' .out >documented

lakefm --lake lake -q demo --users 20 --days 3 >/dev/null || fail "demo"
run lakefm --lake lake sql --format csv -c "select table_name || '.' || column_name from information_schema.columns
    where table_schema in ('silver', 'gold') and table_name not like 'inc%' order by table_name, ordinal_position"
code 0
sed 1d .out >there
is "$(cut -d. -f1 there | sort -u | wc -l)" "$(cut -d. -f1 documented | sort -u | wc -l)"
sort -s -t. -k1,1 documented >a
sort -s -t. -k1,1 there >b
diff a b || fail "docs/tables.md (<) and a lake (>) differ"
