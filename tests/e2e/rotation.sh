#!/usr/bin/env bash
# Every key there is is exchanged while a device looks the other way: it follows, without being
# touched, and what was signed by the old keys is worth nothing from then on.
. "$(dirname "$0")/support.sh" "$1"
server_start
cd "$WORK"
HWID=cam-v1
GROUP=camera/production
image_make v1.img 200000 1 0
image_edit v1.img v2.img 2 0
image_edit v1.img v3.img 3 0
slipway init --profile solo --product camera --hwid "$HWID" --component base-os >/dev/null
slipway group set "$GROUP" --poll-interval 1 >/dev/null
slipway release publish v1.img --version 1.0 >/dev/null
cp keys/root.json 1.root.json
device_provision one v1.img
device_start one
AGENT=$!
until_true 20 "the device knows what it runs" device_runs one "$(sha v1.img)"

verified() { # what the repositories say to this device, from outside
    slipway repo verify "$URL/t/default" keys/root.json --director "$(device_id one)" \
        --device-token <(device-session one/state "$URL") --json
}
verified >before.json || fail "the director does not verify: $(cat before.json)"
[ "$(jq -r '.devices[0].device' before.json)" = "$(device_id one)" ] || fail "another device: $(cat before.json)"
status=0
slipway repo verify "$URL/t/default" keys/root.json --director "$(printf 'a%.0s' $(seq 64))" \
    --device-token <(device-session one/state "$URL") >said 2>&1 || status=$?
[ "$status" = 1 ] && grep -q DEVICE_MISMATCH said || fail "another device's director: $(cat said)"

say "the device sleeps while every key is exchanged"
kill "$AGENT"
for _ in $(seq 100); do kill -0 "$AGENT" 2>/dev/null || break; sleep 0.1; done
keyids() { slipway repo status --json | jq -r '.roles[] | "\(.repository) \(.role) \(.keyids | join(","))"' | sort; }
keyids >keyids.before
for role in root director-root targets "os-$HWID" snapshot timestamp director time; do
    slipway keys rotate --role "$role" >said || fail "rotation of $role: $(cat said)"
    grep -q '^published' said || fail "rotation of $role: $(cat said)"
done
keyids >keyids.after
[ -z "$(comm -12 keyids.before keyids.after)" ] || fail "keys that stayed: $(comm -12 keyids.before keyids.after)"
verified >after.json || fail "after the rotations: $(cat after.json)"
[ "$(jq '.roots' after.json)" -gt 4 ] || fail "the chain of roots: $(cat after.json)"

say "old keys sign nothing any more"
mkdir old && cp -r keys/ci keys/owner old && find old -name '*.[0-9].*' -delete
status=0
slipway release publish v2.img --version 2.0 --keys old --root keys/root.json --component base-os --hwid "$HWID" --product camera --json >said 2>&1 || status=$?
jq -e '.state == "request"' said >/dev/null || fail "an old key still signs: $(cat said)"
slipway repo withdraw "$(jq -r .request said)" >/dev/null

say "it wakes, walks the chain, and takes a release that only new keys signed"
slipway release publish v2.img --version 2.0 >/dev/null
device_start one
id=$(deploy_create 2.0 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 10 "the device runs v2" device_runs one "$(sha v2.img)"
verified >last.json || fail "$(cat last.json)"
[ "$(jq '.devices[0].targets' last.json)" = 1 ] || fail "the director names nothing: $(cat last.json)"

say "the server was broken into: a signer that starts empty, and one publication of four keys"
server_stop
rm -rf var/signer
server_start
status=0
slipway release publish v3.img --version 3.0 >said 2>&1 || status=$?
[ "$status" = 1 ] || fail "a signer without keys signed: $(cat said)"
keyids >keyids.before
slipway keys rotate --role snapshot --role timestamp --role director --role time >said || fail "$(cat said)"
grep -q '^published' said || fail "not published: $(cat said)"
keyids >keyids.after
comm -12 keyids.before keyids.after | grep -qE ' (snapshot|timestamp) ' && fail "a stolen key stayed"
slipway release publish v3.img --version 3.0 >/dev/null
id=$(deploy_create 3.0 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 10 "the device runs the third release" device_runs one "$(sha v3.img)"
verified >said || fail "$(cat said)"
