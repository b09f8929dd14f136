#!/usr/bin/env bash
# One hardware variant fails and the rest of the fleet is fine. With the scope "stratum" only the
# variant stops, after a handful of its devices; all others get the release, and the next one goes
# to everybody.
. "$(dirname "$0")/support.sh" "$1"
server_start
slipway keys new --dir "$WORK/keys" >/dev/null
slipway repo online-keys --out "$WORK/online.json" >/dev/null
slipway sign root --keys "$WORK/keys" --online "$WORK/online.json" --out "$WORK/1.root.json" >/dev/null
slipway repo push "$WORK/1.root.json" >/dev/null
slipway product create board --hwid board-a --hwid board-b >/dev/null
slipway component create --product board --type os base-os >/dev/null
GROUP=board/production
slipway group set "$GROUP" --poll-interval 1 >/dev/null
n=0
both_publish() { # VERSION COUNTER: an image for each hardware, one release of both
    local hwid previous
    for hwid in board-a board-b; do
        previous=()
        [ $n = 0 ] || previous=(--previous "$WORK/$n.targets.json")
        n=$((n + 1))
        image_make "$WORK/$1.$hwid.img" 20000 "$n" 0
        slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" "${previous[@]}" --out "$WORK/$n.targets.json" \
            --component base-os --version "$1-$hwid" --counter "$2" --hwid $hwid "$WORK/$1.$hwid.img" >/dev/null
        slipway repo push "$WORK/$n.targets.json" >/dev/null
        slipway image upload "$WORK/$1.$hwid.img" >/dev/null
    done
    slipway release create "$1" --product board --image "$WORK/$1.board-a.img" --image "$WORK/$1.board-b.img" >/dev/null
}
both_publish v1 1
simulate() { # HWID COUNT [options]
    background "simulator-$1" slipway fleet simulate --url "$URL" --claim "$(claim_new "$2")" --count "$2" --hwid "$1" \
        --root "$WORK/1.root.json" --installed "v1-$1" --seed "$1" --connections 50 "${@:3}"
}
simulate board-a 120
simulate board-b 20 --fail v2-board-b=100
run() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$(sha "$WORK/$1.img")'::bytea]")" = "$2" ]; }
until_true 60 "all run v1" run v1.board-a 120
until_true 60 "all run v1" run v1.board-b 20
both_publish v2 2
id=$(deploy_create v2 --phases 100% --gate '{"scope":"stratum"}')
until_true 90 "the good variant has it" run v2.board-a 120
halted() { [ "$(sql "SELECT hwid FROM deployment_stratum WHERE halted")" = board-b ]; }
until_true 30 "the bad variant stands" halted
touched=$(sql "SELECT touched FROM deployment_stratum WHERE hwid = 'board-b'")
most=6
[ "$SLOW" = 1 ] || most=10 # simulated devices fail in milliseconds, and the gate's tick comes late there
[ "$touched" -le "$most" ] || fail "$touched of the bad variant were touched"
run v2.board-b 0 || fail "one of the bad variant kept it"
deploy_is "$id" halted && fail "all were stopped: $(deploy_field "$id" .halt)"
[ "$(sql "SELECT count(*) FROM deployment_verdict WHERE verdict = 'stop' AND stratum IS NOT NULL")" = 1 ] || fail "its verdict is kept once"
say "120 devices run v2; of the bad variant $touched of 20 were touched"
