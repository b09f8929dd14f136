#!/usr/bin/env bash
# The server makes a delta by itself for the pair its devices run; the agent fetches the delta,
# not the image, and ends with the signed bytes. A forged delta wastes a download and nothing else.
. "$(dirname "$0")/support.sh" "$1"
if [ "${WITH:-}" = director ]; then # see update_delta_director.sh
    fleet_start() { solo_start; }
    release_publish() { solo_publish "$@"; }
fi
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
! grep -q 'GET /t/default/image/targets/os/' "$WORK/proxy.requests" || fail "the full image was fetched"
fetched=$(sql "SELECT fetched_bytes FROM deployment_device")
[ "$fetched" -lt 100000 ] || fail "the device says it fetched $fetched bytes"

# forged NUMBER OLD NEW_FILE WHAT: the patch is made wrong (WHAT is a filter); that is told by its
# own code, in the agent's status and to the server, and the full image is fetched once.
forged() {
    local new delta rule before full
    new=$(sha "$3")
    release_publish "v$1" "$1" "$3"
    until_true 60 "the server made the delta to v$1" delta_kept "$2" "$new"
    delta=$(slipway delta list --json | jq -r --arg to "$new" '.items[] | select(.to == $to) | .sha256')
    rule=$WORK/rules/$(rule_name "/t/default/image/deltas/$delta").body
    curl -sS --fail "$URL/t/default/image/deltas/$delta" | eval "$4" >"$WORK/forged"
    mv "$WORK/forged" "$rule"
    before=$(sql "SELECT count(*) FROM report WHERE reason = 'DELTA_FILE_HASH'")
    full=$(grep -c 'GET /t/default/image/targets/os/' "$WORK/proxy.requests" || true)
    id=$(deploy_create "v$1" --phases 100%)
    until_true 60 "the deployment finishes" deploy_is "$id" finished
    until_true 10 "the device runs v$1" device_runs one "$new"
    [ "$(sql "SELECT count(*) FROM report WHERE reason = 'DELTA_FILE_HASH'")" = $((before + 1)) ] || fail "the bad delta was not reported once"
    [ "$(device_field one .last_refusal)" = DELTA_FILE_HASH ] || fail "the agent's status says $(device_field one .last_refusal)"
    [ "$(grep -c 'GET /t/default/image/targets/os/' "$WORK/proxy.requests")" = $((full + 1)) ] || fail "the full image was not fetched exactly once"
}
say "an altered and a truncated delta: DELTA_FILE_HASH is reported, then the full image succeeds"
forged 3 "$V2" "$WORK/v3.img" "sed 's/^SLDELTA1/SLDELTA2/'"
slot_holds one a "$V3" 2000000 || fail "slot a does not hold v3"
image_edit "$WORK/v3.img" "$WORK/v4.img" 4 0
forged 4 "$V3" "$WORK/v4.img" "head -c 200"
slot_holds one b "$(sha "$WORK/v4.img")" 2000000 || fail "slot b does not hold v4"
