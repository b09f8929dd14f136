#!/usr/bin/env bash
# v3 may only be installed from v2 on: a device with v1 is first given v2, by the same deployment,
# and then v3. It counts as one device that succeeded; what cannot get there is left alone.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
step_publish() { # VERSION COUNTER FILE [options of the signature]
    local previous=()
    [ "$TARGETS" = 0 ] || previous=(--previous "$WORK/$TARGETS.targets.json")
    TARGETS=$((TARGETS + 1))
    slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" "${previous[@]}" --out "$WORK/$TARGETS.targets.json" \
        --component base-os --version "$1" --counter "$2" --hwid "$HWID" "${@:4}" "$3" >/dev/null
    slipway repo push "$WORK/$TARGETS.targets.json" >/dev/null
    slipway image upload "$3" >/dev/null
    slipway release create "$1" --product board --image "$3" >/dev/null
}
for n in 1 2 3 4; do image_make "$WORK/v$n.img" 60000 $n 0; done
step_publish v1 1 "$WORK/v1.img"
step_publish v2 2 "$WORK/v2.img"
step_publish v3 3 "$WORK/v3.img" --stepping-stone 2
device_provision old "$WORK/v1.img"
device_start old
device_provision newer "$WORK/v2.img"
device_start newer
until_true 30 "the old one runs v1" device_runs old "$(sha "$WORK/v1.img")"
until_true 30 "the newer one runs v2" device_runs newer "$(sha "$WORK/v2.img")"

say "1 -> 2 -> 3 in one deployment"
id=$(deploy_create v3 --phases 100%)
until_true 60 "the newer one runs v3" device_runs newer "$(sha "$WORK/v3.img")"
until_true 60 "the old one runs v3" device_runs old "$(sha "$WORK/v3.img")"
until_true 60 "it is finished" deploy_is "$id" finished
[ "$(deploy_field "$id" .counts.succeeded)" = 2 ] || fail "counts: $(deploy_field "$id" .counts)"
[ "$(grep -c 'to=succeeded' "$WORK/old.log")" = 2 ] || fail "the old one took another way"
[ "$(grep -c 'to=succeeded' "$WORK/newer.log")" = 1 ] || fail "the newer one needed no stone"
slot=$(device_field old .slot)
other=$([ "$slot" = a ] && echo b || echo a)
slot_holds old "$other" "$(sha "$WORK/v2.img")" "$(stat -c %s "$WORK/v2.img")" || fail "the other slot holds no v2"

say "no stone leads to v4: nothing is sent, and why says so"
step_publish v4 9 "$WORK/v4.img" --stepping-stone 8
if id=$(deploy_create v4 --phases 100% 2>"$WORK/said"); then
    sleep 3
    device_runs old "$(sha "$WORK/v3.img")" || fail "it took v4"
    [ "$(device_field old .state)" = idle ] || fail "it began"
    slipway device why "$(device_id old)" | grep -qi step || fail "$(slipway device why "$(device_id old)")"
else
    grep -qi step "$WORK/said" || fail "$(cat "$WORK/said")"
fi
say "done"
