#!/usr/bin/env bash
# One agent updates to a signed full image: claim, session, poll, metadata, download, other slot,
# read back, start, health, confirm. Every step is in the server's record, in order.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 300000 1 0
image_make "$WORK/v2.img" 310000 2 0 # nothing in common: no delta pays
release_publish v1 1 "$WORK/v1.img"
SLOT_BYTES=400000
device_provision one "$WORK/v1.img"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$(sha "$WORK/v1.img")"

release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 10 "the device runs v2" device_runs one "$(sha "$WORK/v2.img")"
slot_holds one b "$(sha "$WORK/v2.img")" 310000 || fail "slot b does not hold v2"
slot_holds one a "$(sha "$WORK/v1.img")" 300000 || fail "slot a lost v1"
[ "$(deploy_field "$id" .counts.succeeded)" = 1 ] || fail "counters: $(deploy_field "$id" .counts)"
steps=$(sql "SELECT string_agg(state, ' ' ORDER BY seq) FROM report WHERE deployment_id = (SELECT id FROM deployment WHERE public_id = '$id')")
[ "$steps" = "downloading staged activating verifying succeeded" ] || fail "steps were: $steps"

say "a device that joins later converges to the baseline"
device_provision late "$WORK/v1.img"
device_start late
until_true 60 "the late device runs v2" device_runs late "$(sha "$WORK/v2.img")"

say "what the server's API says is what the database holds"
[ "$(slipway device show "$(device_id one)" --json | jq -r '.installed[0].version')" = v2 ] || fail "device show"
[ "$(slipway device list --json | jq '.items | length')" = 2 ] || fail "device list"
