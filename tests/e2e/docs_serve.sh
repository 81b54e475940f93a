# lakefm docs serve: any project's lineage page and artifacts; who may ask; how it ends.
. "$(dirname "$0")/lib.sh"
cp -r "$TESTS/dbt/conformance/bookshop/project" shop
cd shop
started=
trap '[ -z "$started" ] || kill "$started" 2>/dev/null' EXIT
# start ARGS…: waits for the page; then $url is its address.
start() {
    "$LAKEFM" --json docs serve --port 0 "$@" >server.out 2>server.err &
    started=$!
    for _ in $(seq 300); do
        url=$(sed -n 's/^{"url":"\(.*\)\/"}$/\1/p' server.out)
        [ -z "$url" ] || return 0
        kill -0 "$started" 2>/dev/null || break
        sleep 0.1
    done
    out=$(cat server.out) err=$(cat server.err); fail "it does not start"
}
stop() { # SIGNAL
    kill -s "$1" "$started"; wait "$started"; code=$?; started=
    code 0
    [ ! -s server.err ] || fail "it complains: $(cat server.err)"
}
get() { # PATH [CURL ARGS]: $status, and the body in body
    local path=$1; shift
    status=$(curl -s -o body -w '%{http_code}' "$@" "$url$path")
}
in_body() { grep -qF -- "$1" body || fail "the answer lacks: $1 ($(head -c 300 body))"; }

# What is missing is generated, and the outcome of the last run's tests outlives that.
run lakefm build; code 0
cp target/run_results.json before.json
rm -f target/catalog.json
start
[ -s target/catalog.json ] || fail "no catalog"
cmp -s before.json target/run_results.json || fail "the tests' outcome is gone"

get /; is "$status" 200; in_body '<title>Lineage'; cp body home
get /lineage; is "$status" 200; cmp -s body home || fail "/ is not /lineage"
for file in $(grep -o '"/[a-z/]*\.\(js\|css\|svg\)"' home | tr -d '"') /lineage/layout.js; do get "$file"; is "$status" 200; done
if grep -q '<script>\|onclick=\|//[a-z]*\.' home; then fail "inline script, or another host"; fi
for name in manifest catalog run_results; do
    get "/api/v1/docs/$name.json"; is "$status" 200
    cmp -s body "target/$name.json" || fail "$name.json is another"
done
get /api/v1/docs/manifest.json -D head
grep -qi '^content-type: application/json' head || fail "no JSON"
grep -qi "^content-security-policy: default-src 'none'; script-src 'self'" head || fail "no policy"
tag=$(sed -n 's/^[Ee][Tt]ag: *\("[^"]*"\).*/\1/p' head)
get /api/v1/docs/manifest.json -H "If-None-Match: $tag"; is "$status" 304
get /api/v1/docs/manifest.json -H 'Accept-Encoding: gzip'; gzip -dc body | cmp -s - target/manifest.json || fail "packed, it is another"

# Only this, and only for us.
get /api/v1/docs/graph.gpickle; is "$status" 404; in_body '"error"'
get /api/v1/docs/../../profiles.yml --path-as-is; is "$status" 404
get /api/v1/docs/%2e%2e/manifest.json --path-as-is; is "$status" 404
get /api/v1/sql -d 'select 1'; is "$status" 404
get /api/v1/docs/manifest.json -d x; is "$status" 405
get /lineage -H 'Host: evil.example'; is "$status" 403; in_body evil.example
get /api/v1/docs/manifest.json -H 'Host: evil.example'; is "$status" 403
get /api/v1/docs/manifest.json -H 'Origin: http://evil.example'; is "$status" 403

# A later build is seen; what is gone says how it comes back.
lakefm run --select stg_orders >/dev/null || fail "run"
get /api/v1/docs/run_results.json; cmp -s body target/run_results.json || fail "stale"
rm target/run_results.json
get /api/v1/docs/run_results.json; is "$status" 404; in_body 'lakefm build'

# Another's port; then Ctrl-C.
run lakefm docs serve --port "${url##*:}"; code 4; one_line_err; err 'another program has the port'
no_out 'lineage page'
stop INT
start --project-dir . --profiles-dir .; stop TERM

# From nothing at all, from elsewhere, with --target-path.
rm -rf target *.duckdb; cd ..
"$LAKEFM" docs serve --port=0 --project-dir shop --profiles-dir shop --target-path "$PWD/made" >.out 2>server.err &
started=$!
for _ in $(seq 300); do grep -q 'lineage page is at http://127.0.0.1:' .out && break; sleep 0.1; done
out 'Catalog written to'; out '(Ctrl-C ends it)'
[ -s made/manifest.json ] || fail "not there"
stop INT

# What cannot be done.
run lakefm docs serve --port 70000 --project-dir shop; code 2; one_line_err; err '65535'
run lakefm docs serve --host 0.0.0.0 --port 0 --project-dir shop --target-path "$PWD/made"; code 2; one_line_err; err LAKEFM_SERVE_TOKEN
run lakefm docs serve --prot 1 --project-dir shop; code 2; one_line_err; err '--prot'
run lakefm docs serve --project-dir nowhere; code 2; err nowhere
run lakefm docs serve; code 1; one_line_err; err 'makes a lake there'
echo "select {{ ref('nope') }}" >shop/models/broken.sql
run lakefm docs serve --port 0 --project-dir shop --profiles-dir shop; code 2; err nope
run lakefm docs --help; code 0; out '--port N'; out '--project-dir'
