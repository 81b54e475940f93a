# The verbs of dbt from the command line: whose project, whose flags, which exit code.
. "$(dirname "$0")/lib.sh"
mkdir -p shop/models shop/seeds
cat >shop/dbt_project.yml <<'Y'
name: shop
version: '1.0'
profile: shop
model-paths: [models]
seed-paths: [seeds]
Y
cat >shop/profiles.yml <<'Y'
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, threads: 2}
Y
printf 'id,name\n1,a\n2,b\n' >shop/seeds/people.csv
echo "select id, upper(name) as name from {{ ref('people') }}" >shop/models/upper.sql
cat >shop/models/schema.yml <<'Y'
version: 2
models:
  - name: upper
    columns:
      - name: id
        data_tests: [unique, not_null]
Y

# By --project-dir, by DBT_PROJECT_DIR, by the working folder; never a lake.
run lakefm build --project-dir shop --profiles-dir shop; code 0; no_err
out 'Running with lakefm='; out 'Completed successfully'; out 'PASS=4 WARN=0 ERROR=0 SKIP=0'
run env DBT_PROJECT_DIR=shop DBT_PROFILES_DIR=shop "$LAKEFM" ls; code 0; out shop.upper
run lakefm run --project-dir shop --profiles-dir shop --select upper; code 0; out 'PASS=1'
cd shop
run lakefm build; code 0; out 'PASS=4' # the profile's path is relative to where one stands, as with dbt
run lakefm test -s upper; code 0; out 'PASS=2'
run lakefm ls --resource-type seed; code 0; out shop.people; no_out shop.upper
run lakefm parse; code 0; [ -s target/manifest.json ] || fail "no manifest"
run lakefm show --inline "select name from {{ ref('upper') }} order by 1" --limit 1; code 0; out '| A'
rm -r target; run lakefm compile --select upper; code 0
grep -q 'select id, upper(name) as name from .*people' target/compiled/shop/models/upper.sql || fail "not compiled"
run lakefm build --json --select upper; code 0
python3 -c '
import json
for line in open(".out"): json.loads(line)' || fail "--json is not JSON"
# Given a lake, the verbs are about the lake, wherever one stands.
run lakefm --lake nowhere build; code 1; no_out; one_line_err; err 'makes a lake there'

# A node that fails: 1. What cannot be done: 2. A flag that does not exist: 2, with the nearest.
printf '1\n' >>seeds/people.csv
echo "select 1 / nope as x from {{ ref('people') }}" >models/bad.sql
run lakefm run --select bad; code 1; out 'Completed with 1 error'; out 'nope'
run lakefm test --select upper --slect x; code 2; no_out; one_line_err; err 'did you mean --select?'
echo "select {{ ref('peopel') }}" >models/bad.sql
run lakefm build; code 2; out peopel; one_line_err; err peopel
rm models/bad.sql
run lakefm build --target prod; code 2; err prod
mkdir functions; echo 'select 1' >functions/one.sql # dbt 1.11's user-defined functions: no silent difference
run lakefm build; code 2; one_line_err; err 'functions/one.sql'; err 'not supported'
rm -r functions
cd ..
run lakefm build --project-dir nowhere; code 2; err 'nowhere'
run lakefm test; code 1; one_line_err; err 'makes a lake there'

# Help lists dbt's flags, and ours beside them.
run lakefm build --help; code 0; out '--select SELECTOR'; out '--full-refresh'; out 'Usage: lakefm [--lake DIR] build'
run lakefm ls --help; code 0; out '--output'
[ ! -e lake ] || fail "a lake was made"
