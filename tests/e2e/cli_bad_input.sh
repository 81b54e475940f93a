# Each bad input: one line that names the place and the way out, the exit code of docs, and a lake that is as it was.
. "$(dirname "$0")/lib.sh"
sample=$TESTS/golden/eventsim
fm() { lakefm --lake lake "$@"; }
state() { (cd lake && find . -type f ! -name '*.lock' ! -path './state/*' -printf '%p %s\n' | LC_ALL=C sort); }
refused() { # EXIT-CODE WORDS…: of the last run
    code "$1"; shift
    one_line_err
    for word in "$@"; do err "$word"; done
    is "$(state)" "$before"
    (cd lake && "$LAKEFM" --lake . audit -q >/dev/null 2>&1) || fail "the lake is harmed"
}

fm ingest -q "$sample/auth_events.json.gz" && fm refine -q || fail "the lake"
before=$(state)

# Whose events are these?
cp "$sample/listen_events.json.gz" mystery.json.gz
run fm ingest mystery.json.gz; refused 2 mystery.json.gz --topic listen_events
run fm ingest --topic listen_evnts mystery.json.gz; refused 1 'did you mean "listen_events"'

# Files that are not there, cut, or nothing that unpacks.
run fm ingest listen_events.json; refused 1 listen_events.json
gzip -dc mystery.json.gz | gzip | head -c 30000 >listen_events.json.gz
run fm ingest listen_events.json.gz; refused 1 listen_events.json.gz 'cut after'
head -c 30000 mystery.json.gz | tail -c 20000 >listen_events.json.gz
(printf '\037\213'; cat listen_events.json.gz) >broken; mv broken listen_events.json.gz
run fm ingest listen_events.json.gz; refused 1 listen_events.json.gz
rm listen_events.json.gz

# Settings and contracts: file, line, the nearest right name.
printf 'lake: lake\n\nbatch:\n  intervall: 5s\n' >lakefm.yml
run lakefm ingest mystery.json.gz; refused 2 lakefm.yml:4 'batch.interval'
rm lakefm.yml
run lakefm --lake lake --set thread=2 refine; refused 2 '"threads"'
mkdir contracts
printf 'topic: plays\ntable: fact_plays\ntime: {column: ts, unit: ms}\nkey: row\ncolumns:\n  - {name: ts, type: int46}\n' >contracts/plays.yml
run lakefm --lake lake --set contracts=contracts ingest mystery.json.gz; refused 1 contracts/plays.yml:6 'did you mean "int64"'

# Another version's lake is looked at by no command.
cp -r lake other
sed -i 's/"format":1/"format":9/' other/log/*0.json
for command in status audit refine build 'sql -c select'; do
    run lakefm --lake other $command; code 1; one_line_err; err 'format 9'
done

# What only root can set up.
[ "$(id -u)" -eq 0 ] || { echo "not root: no folder without permission, no full disk"; exit 0; }
mkdir secret; cp mystery.json.gz secret/listen_events.json.gz; chmod 700 secret; chmod 711 . ..
cp -r lake theirs; chown -R nobody theirs
run setpriv --reuid=65534 --clear-groups "$LAKEFM" --lake theirs ingest secret; code 1; one_line_err; err secret; err 'ermission denied'
run setpriv --reuid=65534 --clear-groups "$LAKEFM" --lake theirs audit -q; code 0
mkdir readonly; cp -r lake readonly/lake; chmod -R a-w readonly
run setpriv --reuid=65534 --clear-groups "$LAKEFM" --lake readonly/lake ingest --topic listen_events mystery.json.gz; code 1; one_line_err; err 'ermission denied'

mkdir disk
mount -t tmpfs -o size=2500k tmpfs disk 2>/dev/null || { echo "no mount here: no full disk"; exit 0; }
trap 'umount disk' EXIT
fmd() { lakefm --lake disk/lake "$@"; }
fmd ingest -q "$sample/auth_events.json.gz" && fmd refine -q || fail "a lake on a small disk"
rows=$(fmd sql --format csv -c 'select count(*) from fact_auth_events')
run fmd ingest -q --topic listen_events mystery.json.gz; code 1; one_line_err; err 'No space left'
run fmd audit; code 0; no_out BAD
is "$(fmd sql --format csv -c 'select count(*) from fact_auth_events')" "$rows"
mount -o remount,size=60m disk # room again: the same command goes through
run fmd ingest -q --topic listen_events mystery.json.gz; code 0
run fmd refine -q; code 0
is "$(fmd sql --format csv -c 'select count(*) from fact_listen_events' | tail -n 1)" "$(gzip -dc mystery.json.gz | wc -l)"
run fmd audit; code 0; no_out BAD
