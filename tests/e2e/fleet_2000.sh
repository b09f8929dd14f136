#!/usr/bin/env bash
# 2,000 simulated devices with the real protocol and the real metadata checks go through a
# deployment in phases; the counters agree with the devices.
. "$(dirname "$0")/support.sh" "$1"
COUNT=2000
[ "$SLOW" = 1 ] || COUNT=400
server_start
fleet_start
image_make "$WORK/v1.img" 50000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
slipway group set "$GROUP" --poll-interval 2 >/dev/null
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5 --connections 200
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 120 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
until_true 60 "the delta is made" delta_kept "$(sha "$WORK/v1.img")" "$(sha "$WORK/v2.img")"
id=$(deploy_create v2 --phases 5%,50%,100%)
until_true 180 "v2 finishes" deploy_is "$id" finished
[ "$(deploy_field "$id" .counts.succeeded)" = $COUNT ] || fail "counters: $(deploy_field "$id" .counts)"
until_true 30 "$COUNT devices run v2" runs "$(sha "$WORK/v2.img")" $COUNT
first=$(deploy_field "$id" '.phases[0].counts | add')
[ "$first" -gt $((COUNT * 2 / 100)) ] && [ "$first" -lt $((COUNT * 9 / 100)) ] || fail "the first phase held $first devices"
order=$(sql "SELECT bool_and(a.last <= b.first) FROM (SELECT phase, min(offered_at) first, max(offered_at) last FROM deployment_device GROUP BY phase) a
  JOIN (SELECT phase, min(offered_at) first FROM deployment_device GROUP BY phase) b ON b.phase = a.phase + 1")
[ "$order" = t ] || fail "a later phase was offered before an earlier one had ended"
say "$COUNT devices, first phase $first"
