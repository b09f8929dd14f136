#!/usr/bin/env bash
# The director's repository as a device, a thief and a passer-by see it: signed when asked and due,
# kept otherwise, for the device itself alone (T59). And the signed time.
. "$(dirname "$0")/support.sh" "$1"
server_start
solo_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
solo_publish v1 1 "$WORK/v1.img"
solo_publish v2 2 "$WORK/v2.img"
for name in one two; do
    device_provision "$name" "$WORK/v1.img"
    slipway-agent check --state "$WORK/$name/state" >>"$WORK/$name.log" 2>&1 || fail "$name could not check"
done
ONE=$(device_id one) TWO=$(device_id two)
TOKEN_ONE=$(device-session "$WORK/one/state" "$URL")
TOKEN_TWO=$(device-session "$WORK/two/state" "$URL")
BASE=$URL/t/default/director
get() { curl -sS -o "$WORK/body" -w '%{http_code}' "$@"; } # prints the status, keeps the body
is() { [ "$1" = "$2" ] || fail "$3: $1 instead of $2: $(head -c 300 "$WORK/body")"; }
as_one() { get -H "Authorization: Bearer $TOKEN_ONE" "$@"; }

say "a device reads its own documents"
is "$(as_one "$BASE/$ONE/metadata/timestamp.json")" 200 "own timestamp"
first=$(jq .signed.version "$WORK/body")
[ "$(jq -r '.signed["x-device"]' "$WORK/body")" = "$ONE" ] || fail "the timestamp is not for this device"
snapshot=$(jq '.signed.meta["snapshot.json"].version' "$WORK/body")
is "$(as_one "$BASE/$ONE/metadata/$snapshot.snapshot.json")" 200 "own snapshot"
targets=$(jq '.signed.meta["targets.json"].version' "$WORK/body")
is "$(as_one "$BASE/$ONE/metadata/$targets.targets.json")" 200 "own targets"
[ "$(jq '.signed.targets | length' "$WORK/body")" = 0 ] || fail "something is ordered already"
is "$(as_one "$BASE/$ONE/metadata/1.root.json")" 200 "the director's root"
is "$(as_one "$BASE/$ONE/metadata/2.root.json")" 404 "a root that is not there"
is "$(as_one "$BASE/$ONE/metadata/1.targets.json")" 404 "targets of another version"
is "$(as_one "$BASE/$ONE/metadata/..%2F1.root.json")" 400 "a name that leaves the folder"

say "asked again with nothing new, nothing is signed"
for _ in $(seq 20); do is "$(as_one "$BASE/$ONE/metadata/timestamp.json")" 200 "own timestamp"; done
[ "$(jq .signed.version "$WORK/body")" = "$first" ] || fail "it was signed again"
etag=$(curl -sS -D - -o /dev/null -H "Authorization: Bearer $TOKEN_ONE" "$BASE/$ONE/metadata/timestamp.json" | tr -d '\r' | sed -n 's/^ETag: //Ip')
is "$(as_one -H "If-None-Match: $etag" "$BASE/$ONE/metadata/timestamp.json")" 304 "with the entity tag"

say "T59: another device's documents"
is "$(as_one "$BASE/$TWO/metadata/timestamp.json")" 403 "with the token of device one"
[ "$(jq -r .code "$WORK/body")" = DEVICE_MISMATCH ] || fail "T59: $(cat "$WORK/body")"
is "$(as_one "$BASE/$TWO/metadata/$targets.targets.json")" 403 "targets, with the token of device one"
is "$(get "$BASE/$ONE/metadata/timestamp.json")" 401 "without a token"
is "$(get -H "Authorization: Bearer $TOKEN" "$BASE/$ONE/metadata/timestamp.json")" 401 "with an operator's token"
is "$(get -H "Authorization: Bearer $TOKEN_TWO" "$BASE/$TWO/metadata/timestamp.json")" 200 "device two itself"
[ "$(jq -r '.signed["x-device"]' "$WORK/body")" = "$TWO" ] || fail "device two got another's"
is "$(as_one "$URL/t/other/director/$ONE/metadata/timestamp.json")" 404 "under another tenant"

say "new orders are signed for this device, with the match section that was signed offline"
deploy_create v2 --phases 100% >/dev/null
slipway-agent check --state "$WORK/one/state" >>"$WORK/one.log" 2>&1 || true # ends with a restart
is "$(as_one "$BASE/$ONE/metadata/timestamp.json")" 200 "own timestamp"
[ "$(jq .signed.version "$WORK/body")" -gt "$first" ] || fail "the orders were not signed"
api GET "/api/v1/devices/$ONE/director" >"$WORK/director.json"
path=os/$HWID/v2/v2.img
role=$(curl -sSf "$URL/t/default/image/metadata/$(slipway repo status --json | jq --arg r "os-$HWID" '.roles[] | select(.role == $r) | .version').os-$HWID.json")
[ "$(jq -cS --arg p "$path" '.targets.targets[$p].custom.match' "$WORK/director.json")" = \
    "$(jq -cS --arg p "$path" '.signed.targets[$p].custom.match' <<<"$role")" ] || fail "the match sections differ"
[ "$(jq -r --arg p "$path" '.targets.targets[$p].custom.ecus | keys[0]' "$WORK/director.json")" = "$ONE-main" ] || fail "another ECU"
jq -e .is_current "$WORK/director.json" >/dev/null || fail "the operator's view is old"

say "the time, signed over the asker's own number"
nonce=$(openssl rand -hex 32)
ask() { get -X POST -H 'Content-Type: application/json' -d "$1" "$URL/device/v1/time"; }
is "$(ask "{\"nonce\":\"$nonce\",\"tenant\":\"default\"}")" 200 "the time"
[ "$(jq -r .signed.nonce "$WORK/body")" = "$nonce" ] || fail "another nonce"
age=$(($(date +%s) - $(date -d "$(jq -r .signed.time "$WORK/body")" +%s)))
[ "$age" -ge -2 ] && [ "$age" -le 60 ] || fail "the time is $age s old"
[ "$(jq '.signatures | length' "$WORK/body")" = 1 ] || fail "it is not signed"
is "$(ask '{"nonce":"00","tenant":"default"}')" 400 "a short nonce"
is "$(ask "{\"nonce\":\"$nonce\"}")" 400 "no tenant"
is "$(ask "{\"nonce\":\"$nonce\",\"tenant\":\"nobody\"}")" 404 "another tenant"
is "$(ask "{\"nonce\":\"$nonce\",\"tenant\":\"default\",\"time\":\"2030-01-01T00:00:00Z\"}")" 400 "a wish"
