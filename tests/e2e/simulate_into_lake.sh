# From the simulator straight into a lake; every flaw made is found again, count by count.
. "$(dirname "$0")/lib.sh"
for mode in --threads=2 --streams; do
    lake=lake$mode
    lakefm --json simulate --config "$TESTS/golden/eventsim/sample-config.json" --seed 8 --users 100 --growth-rate 1 \
        --from 2025-11-01 --to 2025-11-20 --dirty 0.04 $mode --into "$lake" >made.json || fail 'simulate'
    run lakefm --lake "$lake" refine; code 0
    run lakefm --lake "$lake" audit; code 0
    lakefm --json --lake "$lake" status >status.json || fail 'status'
    python3 - <<'PY' || fail "$mode: made and found differ"
import json
made = json.load(open('made.json'))['topics']
found = {r['topic']: r for r in json.load(open('status.json'))['refined']}
reasons = {'null_required': 'null_field', 'missing_required': 'missing_field', 'wrong_type': 'wrong_type', 'conflict': 'conflict'}
for topic, t in made.items():
    flaw = lambda name: t['flaws'].get(name, 0)
    r = found[topic]
    q = r['quarantined']
    assert r['read'] == t['lines'], (topic, r, t)
    assert r['duplicates'] == flaw('duplicate'), (topic, r, t)
    for reason, name in reasons.items():
        assert q.get(reason, 0) == flaw(name), (topic, reason, r, t)
    # A line cut within a character of several bytes is invalid UTF-8 too.
    cut, bytes_ = q.get('bad_json', 0), q.get('bad_utf8', 0)
    assert cut + bytes_ == flaw('truncated') + flaw('invalid_utf8') and 0 <= flaw('truncated') - cut < 10, (topic, r, t)
    assert sum(q.values()) == sum(t['flaws'].values()) - flaw('duplicate') - flaw('late'), (topic, r, t)
    assert r['rows'] == t['lines'] - sum(q.values()) - flaw('duplicate'), (topic, r, t)
PY
done
