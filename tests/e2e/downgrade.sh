#!/usr/bin/env bash
# The way back: only by a deployment that says so, only where the installed image itself was signed
# to be left for that counter, never below a floor. The server refuses what cannot work when it is
# created; a server that was made to lie is refused by the device (T31).
. "$(dirname "$0")/support.sh" "$1"
server_start
solo_start
for v in 1 2 3; do image_make "$WORK/v$v.img" 200000 "$v" 0; done
solo_publish v1 1 "$WORK/v1.img"
solo_publish v2 2 "$WORK/v2.img" --back-to 1
solo_publish v3 3 "$WORK/v3.img" --no-back-to
V1=$(sha "$WORK/v1.img") V2=$(sha "$WORK/v2.img") V3=$(sha "$WORK/v3.img")
device_provision one "$WORK/v1.img"
device_start one
until_true 60 "the device knows what it runs" device_runs one "$V1"
arrive() { # ID SHA
    until_true 90 "the device runs what $1 wants" device_runs one "$2"
    until_true 30 "$1 is finished" deploy_is "$1" finished
}
arrive "$(deploy_create v2 --phases 100%)" "$V2"

refused() { # WORDS RELEASE [options]: the deployment is not made, and the reason says WORDS
    local words=$1 release=$2
    shift 2
    if slipway deploy create --group "$GROUP" --release "$release" --phases 100% "$@" >"$WORK/refused" 2>&1; then fail "'$words' was not refused"; fi
    grep -q "$words" "$WORK/refused" || fail "not for '$words': $(cat "$WORK/refused")"
}
say "an ordinary deployment does not go back, a downgrade does not go forward"
refused "a downgrade is refused" v1
refused "not below the group's baseline" v3 --downgrade

say "v2 was signed with --back-to 1: the device goes back"
back=$(deploy_create v1 --phases 100% --downgrade)
arrive "$back" "$V1"
[ "$(deploy_field "$back" .action)" = downgrade ] || fail "the deployment does not say what it is"
id=$(device_id one)
[ "$(api GET "/api/v1/devices/$id/director" | jq -r '.targets.targets[].custom.action')" = downgrade ] || fail "the director did not say downgrade"

say "v3 was signed without a way back"
arrive "$(deploy_create v3 --phases 100%)" "$V3"
refused "not among the counters it was signed to go back to" v2 --downgrade

say "T31: a server that lies about it gets the device's refusal"
sql "UPDATE image SET revert_to = '{2}', revert_until = now() + interval '1 day' WHERE release_counter = 3"
lie=$(deploy_create v2 --phases 100% --downgrade --min-finished 1 --failed-percent 0)
until_true 60 "the device refuses" deploy_device_is "$lie" "$id" failed
[ "$(slipway deploy devices "$lie" --json | jq -r '.items[0].reason')" = RELEASE_ROLLBACK ] || fail "T31: $(slipway deploy devices "$lie" --json)"
device_refusal one RELEASE_ROLLBACK || fail "T31: the agent's status says $(device_field one .last_refusal)"
device_runs one "$V3" || fail "T31: the device left v3"
until_true 30 "the deployment halts" deploy_is "$lie" halted

say "a permission that has ended, a floor"
sql "UPDATE image SET revert_until = now() - interval '1 s' WHERE release_counter = 3"
refused "the signed permission has ended" v2 --downgrade
sql "UPDATE image SET revert_until = now() + interval '1 day', floor = 3 WHERE release_counter = 3"
refused "below its floor" v2 --downgrade
if slipway release publish "$WORK/v3.img" --keys "$WORK/keys" --product board --version v9 --counter 9 --floor 5 --back-to 4 --yes >"$WORK/refused" 2>&1; then
    fail "a way back below the own floor was signed"
fi
grep -q "back-to 4 is below --floor 5" "$WORK/refused" || fail "not for the floor: $(cat "$WORK/refused")"
