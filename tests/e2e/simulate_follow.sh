# Live runs, killed at random moments and resumed, write what one run at full speed writes.
. "$(dirname "$0")/lib.sh"
seed=${SIMULATE_SEED:-$RANDOM}
echo "SIMULATE_SEED=$seed"
RANDOM=$seed
world=(--config "$TESTS/golden/eventsim/sample-config.json" --seed 3 --users 120 --growth-rate 0.5 --from 2025-11-01 --to 2025-11-15)

check() { # NAME OPTIONS…
    local name=$1 lives=0 kills=0
    shift
    run lakefm simulate "${world[@]}" "$@" --out "$name.want"; code 0
    # The span lasts 12 s; every life gets a moment of it.
    while :; do
        "$LAKEFM" simulate "${world[@]}" "$@" --follow --speed 100000 --out "$name" >.live 2>&1 &
        pid=$!
        sleep "$((RANDOM % 3)).$((RANDOM % 10))5"
        kill -0 $pid 2>/dev/null || break
        kill -9 $pid
        wait $pid 2>/dev/null
        kills=$((kills + 1)) lives=$((lives + 1))
        [ $lives -lt 60 ] || fail 'it never ends'
    done
    wait $pid || fail "the last life failed: $(cat .live)"
    [ $kills -ge 3 ] || fail "killed only $kills times"
    for file in "$name.want"/*; do
        cmp "$file" "$name/$(basename "$file")" || fail "$name: $(basename "$file") differs after $kills kills"
    done
}
check exact
check streams --streams --dirty 0.05

# A stop is no failure, and the next run goes on; other parameters are refused.
"$LAKEFM" simulate "${world[@]}" --follow --speed 1000000 --out stop >.live 2>&1 &
pid=$!
sleep 0.5
run lakefm simulate "${world[@]}" --follow --speed 1000000 --out stop
code 4; one_line_err; err 'another simulation writes'
kill -TERM $pid
wait $pid || fail "stopped with $?: $(cat .live)"
run lakefm simulate "${world[@]}" --seed 4 --follow --speed 1000000 --out stop
code 2; one_line_err; err 'belongs to a simulation with other parameters'
run lakefm simulate "${world[@]}" --follow --speed 1e9 --out stop
code 0
for file in exact.want/*; do cmp "$file" "stop/$(basename "$file")" || fail "stop: $(basename "$file") differs"; done

# Killed between the files' fsync and the state, and just behind it.
for point in simulate_synced simulate_checkpoint; do
    for n in 1 2 3; do
        LAKEFM_FAULT=$point:$n run lakefm simulate "${world[@]}" --follow --speed 100000 --out "$point"
        code 137
    done
    run lakefm simulate "${world[@]}" --follow --speed 1e9 --out "$point"
    code 0
    for file in exact.want/*; do cmp "$file" "$point/$(basename "$file")" || fail "$point: $(basename "$file") differs"; done
done
