#!/usr/bin/env bash
# Back to the baseline, by hand and by a gate: only where the images were signed to be left for it,
# else it is refused before anything is sent. Only who has the new image is touched.
. "$(dirname "$0")/support.sh" "$1"
COUNT=40
server_start
solo_start
for v in 1 2 3 4; do image_make "$WORK/v$v.img" 20000 "$v" 0; done
solo_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --fail v3=50 --seed 5 --connections 40
run() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$(sha "$WORK/$1.img")'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" run v1 $COUNT
solo_publish v2 2 "$WORK/v2.img" --back-to 1
solo_publish v3 3 "$WORK/v3.img" --back-to 1
solo_publish v4 4 "$WORK/v4.img" --no-back-to
refused() { # WORDS COMMAND...
    local words=$1
    shift
    if slipway deploy "$@" >"$WORK/refused" 2>&1; then fail "'$words' was not refused"; fi
    grep -q "$words" "$WORK/refused" || fail "not for '$words': $(cat "$WORK/refused")"
}
refused "the group has no baseline" create --group "$GROUP" --release v2 --phases 100% --on-stop roll-back
until_true 30 "v1 is the baseline" deploy_is "$(deploy_create v1 --phases 100%)" finished

say "by hand: ten devices have v2, and go back"
id=$(deploy_create v2 --phases 10:hold,100%)
until_true 60 "ten devices run v2" run v2 10
back=$(slipway deploy rollback "$id" --json | jq -r .id)
deploy_is "$id" aborted || fail "v2 is $(deploy_field "$id" .state)"
[ "$(deploy_field "$back" .rolls_back)" = "$id" ] || fail "it does not say what it rolls back"
until_true 60 "all run v1 again" run v1 $COUNT
until_true 30 "the way back is finished" deploy_is "$back" finished
[ "$(deploy_field "$back" .counts.succeeded)" = 10 ] || fail "counters: $(deploy_field "$back" .counts)"
refused "a newer deployment followed it" rollback "$id"

say "by a gate: half of the devices fail v3, the others are taken back"
id=$(deploy_create v3 --phases 100% --on-stop roll-back)
until_true 60 "the gate halts it" deploy_is "$id" halted
rolled() { [ "$(deploy_field "$id" .rolled_back_by)" != null ]; }
until_true 20 "the way back begins by itself" rolled
back=$(deploy_field "$id" .rolled_back_by)
until_true 90 "the way back is finished" deploy_is "$back" finished
run v1 $COUNT || fail "not all run v1"
[ "$(deploy_field "$id" .touched)" -le 20 ] || fail "v3 touched $(deploy_field "$id" .touched)"

say "a release that was signed without a way back"
refused "cannot work: the baseline's release counter 1 .* not among the counters" create --group "$GROUP" --release v4 --phases 100% --on-stop roll-back
id=$(deploy_create v4 --phases 1:hold,100%)
until_true 60 "one device runs v4" run v4 1
refused "the roll-back cannot work" rollback "$id"
deploy_is "$id" running || fail "a refused roll-back stopped it"
