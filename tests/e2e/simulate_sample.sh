# The simulator against real eventsim output, through every way out.
. "$(dirname "$0")/lib.sh"
golden=$TESTS/golden/eventsim
sample=(--config "$golden/sample-config.json" --seed 20251101 --users 170 --growth-rate 1.0
        --from 2025-11-01T00:00:00 --to 2025-12-01T00:00:00)
names='listen_events page_view_events auth_events status_change_events'
mkdir want
for name in $names; do gunzip -c "$golden/$name.json.gz" >"want/$name.json" || fail "no golden $name"; done
same() { # FOLDER [COMMAND that unpacks, ENDING]
    for name in $names; do
        ${2:-cat} "$1/$name.json${3:-}" | cmp - "want/$name.json" || fail "$1/$name.json${3:-} differs"
    done
}

run lakefm simulate "${sample[@]}" --out plain
code 0; out '57,376'; no_err; same plain
is "$(ls -A plain | wc -l)" 4

run lakefm simulate "${sample[@]}" --out gz --compress gz --threads 1
code 0; same gz 'gunzip -c' .gz
if command -v zstd >/dev/null; then
    run lakefm simulate "${sample[@]}" --out zst --compress zst
    code 0; same zst 'zstd -dcq' .zst
fi

# eventsim's own command line, its short options, and the folder behind them.
run lakefm simulate --config "$golden/sample-config.json" --randomseed 20251101 --nusers 170 --growth-rate 1.0 \
    --start-time 2025-11-01T00:00:00 --end-time=2025-12-01T00:00:00 --nocontinuous long
code 0; same long
run lakefm simulate -c "$golden/sample-config.json" -r 20251101 -n 170 -g 1.0 -s 2025-11-01T00:00 -e 2025-12-01T00:00 short
code 0; same short

# Standard output: one topic, or all; a reader that leaves is no failure.
for name in $names; do
    lakefm simulate "${sample[@]}" --out - --topic "$name" | cmp - "want/$name.json" || fail "stdout: $name"
done
is "$(lakefm simulate "${sample[@]}" --out - | wc -l)" 126069
lakefm simulate "${sample[@]}" --out - | head -n 1 >/dev/null
is "${PIPESTATUS[*]}" '0 0'

# For machines.
run lakefm --json simulate "${sample[@]}" --out json
code 0; out '"events":67771'; out '"users_final":188'; out '"listen_events":{"lines":57376,"bytes":26707890,"flaws":{}}'
run lakefm --quiet simulate "${sample[@]}" --out quiet
code 0; no_out; no_err

# Flaws: the counts add up, line by line.
run lakefm --json simulate "${sample[@]}" --out dirty --dirty 0.1
code 0; out '"truncated":'
python3 - <<'PY' || fail 'flaws do not add up'
import json
r = json.load(open('.out'))
for topic, t in r['topics'].items():
    clean = open(f'want/{topic}.json', 'rb').read().split(b'\n')[:-1]
    dirty = open(f'dirty/{topic}.json', 'rb').read().split(b'\n')[:-1]
    assert len(dirty) == t['lines'] == len(clean) + t['flaws'].get('duplicate', 0) + t['flaws'].get('conflict', 0), topic
    known = set(clean)
    odd = sum(line not in known for line in dirty)
    want = sum(t['flaws'].get(f, 0) for f in ('truncated', 'null_field', 'missing_field', 'wrong_type', 'invalid_utf8', 'conflict'))
    assert odd == want, (topic, odd, want)
PY

# The other stream of the same world: as many lines as page views, every one JSON.
run lakefm simulate "${sample[@]}" --dialect interana --out interana
code 0; is "$(ls interana)" interana.json
python3 -c '
import json
n = 0
for line in open("interana/interana.json"):
    r = json.loads(line); n += 1
    assert list(r) == "artist auth firstName gender itemInSession lastName length level location method page registration sessionId song status ts userAgent userId".split()
    assert (r["userId"] == "") == (r["registration"] is None)
assert n == 67771, n' || fail 'interana'

# Streams: the bytes do not depend on the threads.
for threads in 1 2 7; do run lakefm simulate "${sample[@]}" --streams --threads $threads --out "streams$threads"; code 0; done
diff -r streams1 streams2 && diff -r streams1 streams7 || fail 'threads show'
cmp -s streams1/listen_events.json want/listen_events.json && fail 'streams is exact?'

# Mistakes.
usage() { run lakefm simulate "${@:2}"; code 2; no_out; one_line_err; err "$1"; }
usage 'where to?' --users 5
usage 'either --out, or --into, or --kafka' --out a --into b
usage '"yesterday" is no time' --from yesterday --out a
usage '--speed is for --follow' --speed 60 --out a
usage 'is not within 0 and 1' --dirty 2 --out a
echo '{"seed": 1,
 "wekend-damping": 0.5}' >bad.json
run lakefm simulate --config bad.json --out never
code 1; one_line_err; err 'bad.json:2: unknown key "wekend-damping"; did you mean "weekend-damping"?'
run lakefm simulate --config missing.json --out never
code 1; one_line_err; err 'missing.json'
[ ! -e never ] || fail 'the output was touched'
run lakefm simulate --users 5 --out /proc/nothing
code 1; one_line_err
# What eventsim decides without a word is said.
sed '1s/{/{"n-users": 3, /' "$golden/sample-config.json" >users.json
run lakefm simulate --config users.json --users 9 --from 2025-11-01 --to 2025-11-02 --out users
code 0; err 'n-users 3 wins over the 9 asked for'

# Options that eventsim has and we do not are known as such.
for option in --useAvro --generate-counts --generate-similars; do
    run lakefm simulate $option --out none; code 2; one_line_err; err "$option is not supported"
    [ ! -e none ] || fail "$option wrote"
done
run lakefm simulate --config "$golden/sample-config.json" --noverbose --nocontinuous --from 2025-11-01T00:00 --to 2025-11-01T00:01 --out quiet -q; code 0
