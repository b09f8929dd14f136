#!/usr/bin/env bash
# What people said stays said when the server dies: a draft, a time that has not come, a pause, an
# abort, the kill switch. Nothing moves that may not, and what may goes on by itself.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
image_edit "$WORK/v1.img" "$WORK/v3.img" 3 0
release_publish v1 1 "$WORK/v1.img"
COUNT=20
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5
run() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$(sha "$WORK/$1.img")'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" run v1 $COUNT
release_publish v2 2 "$WORK/v2.img"
release_publish v3 3 "$WORK/v3.img"
again() { server_kill; server_start; }
touched() { deploy_field "$1" .touched; }

say "a draft stays one; a time is kept"
id=$(deploy_create v2 --phases 3:hold,100% --draft --start "$(date -u -d '+8 seconds' +%FT%TZ)")
again
deploy_is "$id" draft || fail "the draft is $(deploy_field "$id" .state)"
slipway deploy start "$id" >/dev/null
deploy_is "$id" scheduled || fail "it is $(deploy_field "$id" .state)"
[ "$(touched "$id")" = 0 ] || fail "it began before its time"
again
until_true 30 "its time comes" deploy_is "$id" running
until_true 60 "three run v2" run v2 3

say "a pause survives"
slipway deploy pause "$id" >/dev/null
slipway deploy advance "$id" >"$WORK/refused" 2>&1 && fail "a paused one went on"
grep -q "the deployment is paused" "$WORK/refused" || fail "not for the pause: $(cat "$WORK/refused")"
again
deploy_is "$id" paused || fail "it is $(deploy_field "$id" .state)"
slipway deploy resume "$id" >/dev/null
slipway deploy advance "$id" >/dev/null

say "the kill switch survives"
slipway deploy stop-all --reason "the story" >/dev/null
nobody_switches() { [ "$(deploy_field "$id" '.counts.activating + .counts.verifying')" = 0 ]; }
until_true 20 "what was under way has ended" nobody_switches
again
before=$(touched "$id")
sleep 3 # three polls of everybody
[ "$(touched "$id")" = "$before" ] || fail "$(touched "$id") were touched, and $before before"
slipway deploy allow-all >/dev/null
until_true 60 "v2 finishes" deploy_is "$id" finished
run v2 $COUNT || fail "not all run v2"

say "an abort is for good"
id=$(deploy_create v3 --phases 2:hold,100%)
until_true 60 "two run v3" run v3 2
slipway deploy abort "$id" >/dev/null
again
sleep 3
deploy_is "$id" aborted || fail "it is $(deploy_field "$id" .state)"
[ "$(touched "$id")" = 2 ] || fail "$(touched "$id") were touched"
slipway deploy resume "$id" >"$WORK/refused" 2>&1 && fail "an aborted one was resumed"
grep -q "the deployment is aborted: aborted by an operator" "$WORK/refused" || fail "not in words: $(cat "$WORK/refused")"
