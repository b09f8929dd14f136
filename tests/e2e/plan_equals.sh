#!/usr/bin/env bash
# What a plan says is what then happens: who gets it in which phase, who does not and why, and how
# many bytes. On the way `device why` is asked, and the deployment's forecast and who is stuck.
. "$(dirname "$0")/support.sh" "$1"
COUNT=120
[ "$SLOW" = 1 ] || COUNT=40
server_start
fleet_start
image_make "$WORK/v1.img" 50000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
V1=$(sha "$WORK/v1.img")
V2=$(sha "$WORK/v2.img")

# --- a group of several kinds: on v1, on v2 already, held, in quarantine -------------------------
simulate() { # NAME CLAIM COUNT VERSION SEED
    background "$1" slipway fleet simulate --url "$URL" --claim "$2" --count "$3" --hwid "$HWID" \
        --root "$WORK/1.root.json" --installed "$4" --seed "$5" --connections 50
}
CLAIM=$(claim_new $((COUNT + 7)))
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
simulate fleet "$CLAIM" $COUNT v1 5
until_true 120 "$COUNT devices run v1" runs "$V1" $COUNT
release_publish v2 2 "$WORK/v2.img"
until_true 60 "the delta is made" delta_kept "$V1" "$V2"
simulate newer "$CLAIM" 7 v2 4
until_true 60 "seven run v2" runs "$V2" 7
sql "UPDATE device SET hold_until = 'infinity', hold_reason = 'on the bench' WHERE id IN (
       SELECT d.id FROM device d WHERE installed @> ARRAY['\\x$V1'::bytea] ORDER BY d.id DESC LIMIT 5);
     UPDATE device SET state = 'quarantined', state_reason = 'looked at' WHERE id IN (
       SELECT d.id FROM device d WHERE installed @> ARRAY['\\x$V1'::bytea] AND hold_until IS NULL ORDER BY d.id DESC LIMIT 3);
     UPDATE device SET tags = '{\"ring\":\"lab\"}' WHERE id IN (
       SELECT d.id FROM device d WHERE installed @> ARRAY['\\x$V1'::bytea] AND hold_until IS NULL
          AND state = 'active' ORDER BY d.id LIMIT 4)"
server_stop # a fresh memory knows all of it
server_start
polls() { [ "$(sql "SELECT count(*) FROM device_seen WHERE seen_at > now() - interval '15 seconds'")" -ge $((COUNT + 7 - 3)) ]; }
until_true 60 "they poll again" polls
HELD=$(sql "SELECT encode(device_id, 'hex') FROM device WHERE hold_until = 'infinity' LIMIT 1")
OUT=$(sql "SELECT encode(device_id, 'hex') FROM device WHERE state = 'quarantined' LIMIT 1")
why() { slipway device why "$1" --json | jq -r .answer.reason; }
is_why() { [ "$(why "$1")" = "$2" ]; }
until_true 30 "why a held device is left alone" is_why "$HELD" held
until_true 30 "why one in quarantine is" is_why "$OUT" out-of-service

# --- the plan ------------------------------------------------------------------------------------
PLAN=(--group "$GROUP" --release v2 --first "tag.ring = 'lab'" --phases 10%,50%,100% --salt story --soak 0s)
slipway deploy plan "${PLAN[@]}" --price-per-gb 0.5 --json >"$WORK/plan.json"
slipway deploy plan "${PLAN[@]}" --price-per-gb 0.5
plan() { jq -r "$1" "$WORK/plan.json"; }
ELIGIBLE=$((COUNT - 8))
[ "$(plan .devices)" = $((COUNT + 7)) ] || fail "devices: $(plan .devices)"
[ "$(plan .eligible)" = $ELIGIBLE ] || fail "eligible: $(plan .eligible), skipped $(plan .skipped)"
[ "$(plan '.skipped["held"]')" = 5 ] || fail "$(plan .skipped)"
[ "$(plan '.skipped["out-of-service"]')" = 3 ] || fail "$(plan .skipped)"
[ "$(plan '.skipped["runs-it"]')" = 7 ] || fail "$(plan .skipped)"
[ "$(plan '.phases[0].devices')" = 4 ] || fail "the lab comes first: $(plan .phases)"
[ "$(plan '[.phases[].devices] | add')" = $ELIGIBLE ] || fail "$(plan .phases)"
[ "$(plan '.bytes.delta.devices')" = $ELIGIBLE ] || fail "$(plan .bytes)"
[ "$(plan '.rollback.possible')" = false ] || fail "there is nothing to go back to"
[ "$(sql "SELECT count(*) FROM deployment")" = 0 ] || fail "a plan writes nothing"
counted=$(slipway deploy plan --group "$GROUP" --release v2 --phases 3,50%,100% --json | jq -c '[.phases[0].devices, ([.phases[].devices] | add)]')
[ "$counted" = "[3,$ELIGIBLE]" ] || fail "a phase that counts: $counted"
if slipway deploy plan --group "$GROUP" --release v2 --first "tag.ring =" --phases 100% 2>"$WORK/no"; then fail "a filter without an end"; fi
grep -q "field 'first': filter, character 11" "$WORK/no" || fail "$(cat "$WORK/no")"
FREE=$(sql "SELECT encode(device_id, 'hex') FROM device WHERE hold_until IS NULL AND state = 'active' AND installed @> ARRAY['\\x$V1'::bytea] ORDER BY id DESC LIMIT 1")
is_why "$FREE" no-deployment || fail "why: $(why "$FREE")"

# --- what happens --------------------------------------------------------------------------------
id=$(slipway deploy create "${PLAN[@]}" --json | jq -r .id)
until_true 60 "the first phase is under way" eval '[ "$(deploy_field '"$id"' "[.counts[]] | add")" -gt 0 ]'
slipway deploy pause "$id" >/dev/null
forecast() { slipway deploy forecast "$id" --json; }
left() { forecast | jq '.left + .under_way + .ended'; }
until_true 30 "the forecast counts them all" eval '[ "$(left)" = '"$ELIGIBLE"' ]'
[ "$(forecast | jq -r .forecast.likely)" != null ] || fail "no forecast: $(forecast)"
slipway deploy forecast "$id" >/dev/null
stuck() { slipway deploy stuck "$id" --json | jq -r '[.items[].reason] | unique | join(" ")'; }
[ "$(stuck)" = paused ] || [ "$(forecast | jq .under_way)" = 0 ] || fail "stuck: $(stuck)"
slipway deploy resume "$id" >/dev/null
until_true 120 "v2 finishes" deploy_is "$id" finished
[ "$(deploy_field "$id" .counts.succeeded)" = $ELIGIBLE ] || fail "counters: $(deploy_field "$id" .counts)"
for n in 0 1 2 3; do
    said=$(plan ".phases[$n].devices")
    was=$(deploy_field "$id" "[.phases[$n].counts[]] | add")
    [ "$said" = "$was" ] || fail "phase $n: planned $said, was $was"
done
said=$(plan .bytes.total)
was=$(sql "SELECT sum(granted_bytes) FROM deployment_device")
[ "$said" = "$was" ] || fail "bytes: planned $said, was $was"
fetched=$(sql "SELECT sum(fetched_bytes) FROM deployment_device")
[ "$said" = "$fetched" ] || fail "bytes: planned $said, fetched $fetched"
is_why "$FREE" runs-it || fail "why: $(why "$FREE")"
is_why "$HELD" held || fail "why: $(why "$HELD")"
slipway device why "$FREE" | grep -q '^next poll: nothing' || fail "$(slipway device why "$FREE")"
say "planned and done: $ELIGIBLE of $((COUNT + 7)) devices, $was bytes"
