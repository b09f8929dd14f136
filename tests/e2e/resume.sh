#!/usr/bin/env bash
# A download is cut again and again, by the network and by killing the agent; it goes on where it
# was: at most 64 KiB are sent twice for each cut, counted at the wire.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
proxy_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 8000000 2 0
V1=$(sha "$WORK/v1.img") V2=$(sha "$WORK/v2.img")
release_publish v1 1 "$WORK/v1.img"
SLOT_BYTES=8400000 LOADER_OPTIONS=--respawn
device_provision one "$WORK/v1.img" "$PROXY"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$V1"
release_publish v2 2 "$WORK/v2.img"

path=/t/default/image/targets/os/$HWID/v2/$V2.v2.img
requests() { grep -c "GET $path" "$WORK/proxy.requests" || true; }
seen() { [ "$(requests)" -ge "$1" ]; }
CUTS=(1000000 700000 1 65535 1500000 1)
cuts=${#CUTS[@]}
printf '%s\n' "${CUTS[@]}" >"$WORK/rules/$(rule_name "$path").cut"
id=$(deploy_create v2 --phases 100%)
until_true 120 "every cut happened" seen "$cuts"
until_true 120 "the deployment finishes" deploy_is "$id" finished
until_true 10 "the device runs v2" device_runs one "$V2"
sent=$(awk -v path="$path" '$2 == path { sum += $4 } END { print sum }' "$WORK/proxy.requests")
wasted=$((sent - 8000000))
say "$(requests) requests, $sent bytes sent for 8000000, $wasted twice"
[ "$(requests)" -gt "$cuts" ] || fail "only $(requests) requests: nothing was cut"
[ "$wasted" -ge 0 ] && [ "$wasted" -le $((65536 * (cuts + 1))) ] || fail "$wasted bytes were sent twice for $cuts cuts"
slot_holds one b "$V2" 8000000 || fail "slot b does not hold v2"
