#!/usr/bin/env bash
# Every example of the OpenAPI document, asked of a real server: statuses and answers are as promised.
. "$(dirname "$0")/support.sh" "$1"
[ -x "$BUILD/openapi-replay" ] || fail "openapi-replay is not built"

server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
release_publish v1 1 "$WORK/v1.img"
say "what no example can make by itself: devices, and the next documents, signed"
device_provision one "$WORK/v1.img"
device_provision two "$WORK/v1.img"
slipway-agent check --state "$WORK/one/state" >/dev/null
slipway-agent check --state "$WORK/two/state" >/dev/null
session=$(device-session "$WORK/one/state" "$URL")
# sign_next N COUNTER: the document that follows the one before, not pushed
sign_next() {
    image_make "$WORK/next.img" 5000 "$1" 0
    slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" --previous "$WORK/$(($1 - 1)).targets.json" \
        --out "$WORK/$1.targets.json" --component base-os --version "v$1" --counter "$1" --hwid "$HWID" "$WORK/next.img" >/dev/null
}
sign_next 2
sign_next 3
sign_next 4
canonical() { jq -cSj .signed "$1"; }
board=$(slipway product list --json | jq -r '.items[] | select(.name == "board") | .id')
group=$(api GET "/api/v1/groups?name=production" | jq -r --arg p "$board" '.items[] | select(.product == "board" or .product == $p) | .id')
lab=$(api POST /api/v1/groups -H 'Content-Type: application/json' -d "{\"product\":\"$board\",\"name\":\"lab\"}" | jq -r .id)
image=$(sha "$WORK/v1.img")
target=$(jq -r '.signed.targets | keys[0]' "$WORK/1.targets.json")
status=0
openapi-replay "$URL" "$TOKEN" "$session" \
    board="$board" board_group="$group" board_lab="$lab" images="$image" hash="$image" \
    device="$(device_id one)" spare="$(device_id two)" newcomer="$(printf %064x 7)" tenant=default repository=image label=snapshot \
    metadata=timestamp.json targets="$(dirname "$target")/$image.$(basename "$target")" \
    later="$(date -u -d '+30 days' +%FT%TZ)" sooner="$(date -u -d '+1 day' +%FT%TZ)" \
    signed_2="$(cat "$WORK/2.targets.json")" text_3="$(jq -Rs . "$WORK/3.targets.json")" \
    signed_4="$(canonical "$WORK/4.targets.json" | jq -Rs .)" hash_4="$(canonical "$WORK/4.targets.json" | sha256sum | cut -d' ' -f1)" \
    signatures_4="$(jq -c .signatures "$WORK/4.targets.json")" \
    >"$WORK/replay.txt" || status=$?
grep '^FAILED' -B 1 "$WORK/replay.txt" | cut -c 1-600 || true
[ "$status" = 0 ] || fail "$(tail -n 1 "$WORK/replay.txt")"
say "$(tail -n 1 "$WORK/replay.txt")"
