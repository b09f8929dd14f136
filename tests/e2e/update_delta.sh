#!/usr/bin/env bash
# The server makes a delta by itself for the pair its devices run; the agent fetches the delta,
# not the image, and ends with the signed bytes. A forged delta wastes a download and nothing else.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
proxy_start
image_make "$WORK/v1.img" 2000000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
image_edit "$WORK/v2.img" "$WORK/v3.img" 3 0
V1=$(sha "$WORK/v1.img") V2=$(sha "$WORK/v2.img") V3=$(sha "$WORK/v3.img")
release_publish v1 1 "$WORK/v1.img"
device_provision one "$WORK/v1.img" "$PROXY"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$V1"
installed() { [ "$(slipway device show "$(device_id one)" --json | jq -r '.installed[0].sha256')" = "$1" ]; }
until_true 20 "the server knows what it runs" installed "$V1"

release_publish v2 2 "$WORK/v2.img"
until_true 60 "the server made the delta" delta_kept "$V1" "$V2"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 10 "the device runs v2" device_runs one "$V2"
slot_holds one b "$V2" 2000000 || fail "slot b does not hold v2"
grep -q 'GET /t/default/image/deltas/' "$WORK/proxy.requests" || fail "the delta was not fetched"
! grep -q 'GET /t/default/image/targets/' "$WORK/proxy.requests" || fail "the full image was fetched"
fetched=$(sql "SELECT fetched_bytes FROM deployment_device")
[ "$fetched" -lt 100000 ] || fail "the device says it fetched $fetched bytes"

say "a forged delta: DELTA_FILE_HASH is reported, then the full image succeeds"
release_publish v3 3 "$WORK/v3.img"
until_true 60 "the server made the second delta" delta_kept "$V2" "$V3"
delta=$(slipway delta list --json | jq -r --arg to "$V3" '.items[] | select(.to == $to) | .sha256')
head -c 5000 /dev/urandom >"$WORK/rules/$(rule_name "/t/default/image/deltas/$delta").body"
id=$(deploy_create v3 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 10 "the device runs v3" device_runs one "$V3"
slot_holds one a "$V3" 2000000 || fail "slot a does not hold v3"
[ "$(sql "SELECT count(*) FROM report WHERE reason LIKE 'DELTA_%'")" -ge 1 ] || fail "the bad delta was not reported"
[ "$(grep -c 'GET /t/default/image/targets/' "$WORK/proxy.requests")" = 1 ] || fail "the full image was not fetched exactly once"
