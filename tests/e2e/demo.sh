# The newcomer's command: tables, a clean audit, and the page for who asks for it or sits at a terminal.
. "$(dirname "$0")/lib.sh"
run lakefm --lake lake demo --users 30 --days 5; code 0; out 'Top songs'; out 'nothing lost, nothing twice'; no_out 'See it live'
run lakefm --lake lake audit -q; code 0
page() { # of the process whose output is in file $1
    for _ in $(seq 200); do grep -q 'See it live' "$1" && break; sleep 0.1; done
    python3 - "$(grep -o 'http://[0-9.:]*/' "$1")" <<'PY' || fail "$(cat "$1")"
import json, sys, urllib.request as request
assert b"<title" in request.urlopen(sys.argv[1]).read()
boards = json.load(request.urlopen(sys.argv[1] + "api/v1/boards"))["boards"]
assert {"overview", "listening", "music"} <= {b["name"] for b in boards}, boards
PY
}
"$LAKEFM" --lake two demo --users 30 --days 5 --serve --set serve.port=0 >served 2>&1 &
demo=$!
page served
# Another writer may go on while the page is looked at.
run lakefm --lake two refine; code 0
kill -INT $demo; wait $demo; code=$?; code 0

# At a terminal without asking; a port that is taken is no hindrance.
command -v script >/dev/null || { echo "no script(1): not tried at a terminal"; exit 0; }
python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >port &
holder=$!
for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
script -qefc "'$LAKEFM' --lake three demo --users 30 --days 5 --set serve.port=$(cat port) & echo \$! >pid; wait" typed >/dev/null 2>&1 &
page typed
kill -TERM "$(cat pid)"; kill $holder
for _ in $(seq 50); do kill -0 "$(cat pid)" 2>/dev/null || exit 0; sleep 0.1; done
fail "demo goes on after SIGTERM"
