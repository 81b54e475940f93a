# The README's commands, as typed. What needs Kafka is tests/cluster's; `make` has run.
. "$(dirname "$0")/lib.sh"
PATH=$(dirname "$LAKEFM"):$PATH
unset -f lakefm
cp -r "$TESTS/../examples" examples
# Command lines: indented by four, beginning with lakefm; a backslash continues one; comments go.
python3 - "$TESTS/../README.md" <<'PY' >commands
import re, sys
text = open(sys.argv[1]).read().replace("\\\n", " ")
for line in re.findall(r"^ {4}(lakefm .*)$", text, re.M):
    print(" ".join(re.sub(r"\s+#.*", "", line).split()))
PY
[ "$(wc -l <commands)" -ge 9 ] || fail "README.md has few commands"
while read -r command; do
    case $command in
    *' run'* | *hdfs:* | *publish*) continue ;;
    *' serve'*)
        $command --set serve.port=0 >.out 2>.err &
        server=$!
        for _ in $(seq 100); do grep -q http .out && break; sleep 0.1; done
        url=$(grep -o 'http://[0-9.:]*/' .out)
        python3 -c 'import sys, urllib.request as u; page = u.urlopen(sys.argv[1]).read(); assert b"<title" in page' "$url" || { kill $server; fail "serve: $url"; }
        kill $server; wait $server
        ;;
    *) run eval "$command"; code 0; [ -s .out ] || fail "nothing printed: $command" ;;
    esac
    case $command in
    *simulate*) [ -s events/listen_events.json ] || fail "no events" ;;
    *' sql '*) is "$(wc -l <.out)" 12 ;; # heading, rule, ten songs
    *audit*) no_out BAD ;;
    esac
done <commands
