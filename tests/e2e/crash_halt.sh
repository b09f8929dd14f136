#!/usr/bin/env bash
# A release that installs cleanly on every device and then crashes: nobody's update fails, and the
# rollout still stops by itself, before the fleet has it. Devices that are not updated, in the same
# hours, are what the updated ones are compared with. The issue is there, first seen in the release.
. "$(dirname "$0")/support.sh" "$1"
COUNT=200
server_start
fleet_start
slipway group set "$GROUP" --poll-interval 2 >/dev/null
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --crash v2=20000 --seed 5 --connections 100
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 10%:1h,100%)
until_true 90 "the gate halts it" deploy_is "$id" halted
[ "$(deploy_field "$id" .halt.gate)" = health ] || fail "by another gate: $(deploy_field "$id" .halt)"
[ "$(deploy_field "$id" '.counts.failed + .counts["rolled-back"]')" = 0 ] || fail "an update failed: $(deploy_field "$id" .counts)"
touched=$(deploy_field "$id" .touched)
[ "$touched" -lt $((COUNT / 5)) ] || fail "$touched of $COUNT devices had it"
[ "$(deploy_field "$id" .halt.seen.health.control_bad)" = 0 ] || fail "crashes of the new system are on the old one's side: $(deploy_field "$id" .halt.seen.health)"
[ "$(deploy_field "$id" .halt.seen.health.updated_bad)" -ge 3 ] || fail "evidence: $(deploy_field "$id" .halt.seen.health)"
issue=$(slipway report issues --json | jq -c '.items[0]')
[ "$(jq -r .category <<<"$issue")" = app-crash ] || fail "no issue: $issue"
say "$touched of $COUNT devices had it, and none failed to install: $(deploy_field "$id" .halt.reason)"
