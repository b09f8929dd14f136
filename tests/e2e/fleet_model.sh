#!/usr/bin/env bash
# The fleet model as an operator uses it: groups of one's own, a device moved between them, held,
# quarantined and replaced after a repair, a list of expected devices, and a device that waits until
# a person accepts it.
. "$(dirname "$0")/support.sh" "$1"
expect() { # STATUS WORDS COMMAND...: exit status, and words on standard output or error
    local want=$1 words=$2 got=0
    shift 2
    "$@" >"$WORK/said" 2>&1 </dev/null || got=$?
    [ "$got" = "$want" ] || fail "$*: status $got instead of $want: $(cat "$WORK/said")"
    grep -qF -- "$words" "$WORK/said" || fail "$*: no '$words' in: $(cat "$WORK/said")"
}
device_json() { slipway device show "$1" --json | jq -r "$2"; } # DEVICE JQ
in_group() { [ "$(device_json "$1" .group)" = "$2" ]; }         # DEVICE GROUP
device_listed() { [ "$(slipway device list --q "$1" --json | jq '.items | length')" = 1 ]; }
waits_for_a_person() { [ "$(slipway claim pending --json | jq -r '.items[0].device')" = "$1" ]; }

server_start
fleet_start
image_make "$WORK/v1.img" 40000 1 0
image_make "$WORK/v2.img" 41000 2 0
release_publish v1 1 "$WORK/v1.img"
release_publish v2 2 "$WORK/v2.img"
SLOT_BYTES=60000

say "a group of one's own, set up, held, and refused to go while it is needed"
slipway group create board/lab --poll-interval 1 --window daily@00:00-23:59 >/dev/null
expect 0 'changed' slipway group set board/lab --window none --concurrency 5
expect 2 '--window' slipway group set board/lab --window sometimes
expect 1 'maintenance' slipway group set board/lab --window mon@02:00-02:00
expect 1 'already' slipway group create board/lab
expect 1 'default group' slipway group delete "$GROUP" --yes
[ "$(slipway group show board/lab --json | jq -c '[.concurrency, .maintenance]')" = '[5,null]' ] || fail "group show"

say "a device joins and is moved: it follows the other group"
device_provision one "$WORK/v1.img"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$(sha "$WORK/v1.img")"
one=$(device_id one)
expect 0 '1 moved' slipway device move --to board/lab "${one:0:12}"
in_group "$one" lab || fail "the device did not move"
expect 1 'devices' slipway group delete board/lab --yes

say "held, it gets nothing; then it does"
slipway device hold "$one" --reason "on show" >/dev/null
[ "$(slipway device list --held --json | jq -r '.items[0].hold.reason')" = "on show" ] || fail "device list --held"
GROUP=board/lab
id=$(deploy_create v2 --phases 100%)
sleep 3
[ "$(deploy_field "$id" '.counts.offered // 0')" = 0 ] || fail "a held device was offered the update"
slipway device unhold "$one" >/dev/null
until_true 60 "the device runs v2" device_runs one "$(sha "$WORK/v2.img")"
until_true 30 "the deployment finishes" deploy_is "$id" finished

say "tags, found again by them and by a filter"
slipway device tag "$one" site=berlin rack=7 >/dev/null
slipway device tag "$one" rack= >/dev/null
[ "$(slipway device list --tag site=berlin --json | jq '.items | length')" = 1 ] || fail "by tag"
[ "$(slipway device list --filter "tag.site = 'berlin' and not has(tag.rack)" --json | jq '.items | length')" = 1 ] || fail "by filter"
expect 1 'character' slipway device list --filter "tag.site ="

say "1,000 devices are expected within seconds, and a wrong line is named"
for i in $(seq 5000 5999); do printf '%064x\n' "$i"; done >"$WORK/list"
start=$SECONDS
expect 0 '1000 expected' slipway claim preregister "$WORK/list" --group board/production
[ $((SECONDS - start)) -le $((5 * SLOW)) ] || fail "1,000 lines took $((SECONDS - start)) s"
printf '%064x\nnonsense\n' 1 >"$WORK/wrong"
expect 1 'line 2' slipway claim preregister "$WORK/wrong" --group board/production
expect 0 '0 expected, 1000 changed' slipway claim preregister "$WORK/list" --group board/production

say "a device without a token waits; accepted, it joins"
dir=$WORK/two
mkdir -p "$dir"
cp "$WORK/v1.img" "$dir/slot-a"
truncate -s $SLOT_BYTES "$dir/slot-a" "$dir/slot-b"
two=$(slipway-agent provision --server "$URL" --root "$WORK/1.root.json" --hwid "$HWID" --state "$dir/state" \
    --slot-a "$dir/slot-a" --slot-b "$dir/slot-b" --boot-file "$dir/boot")
device_start two
until_true 20 "the device asks to join" waits_for_a_person "$two"
device_listed "$two" && fail "it joined by itself"
slipway claim accept "$two" --group board/production >/dev/null
until_true 60 "the accepted device joins" device_listed "$two"
[ "$(slipway claim pending --json | jq '.items | length')" = 0 ] || fail "nobody waits any more"

say "after a repair the new device has the place of the old one, which is refused"
slipway device replace "$one" "$two" --yes >/dev/null
in_group "$two" lab || fail "the new device is not in the old one's group"
[ "$(device_json "$two" .tags.site)" = berlin ] || fail "the tags did not follow"
[ "$(device_json "$one" '[.state, .replaced_by] | join(" ")')" = "decommissioned $two" ] || fail "device show"
until_true 30 "the new device converges to the group's baseline" device_runs two "$(sha "$WORK/v2.img")"
until_true 20 "the old device is refused" grep -q 'decommissioned' "$WORK/one.log"
expect 1 'decommissioned' slipway device hold "$one" --reason late

say "quarantine, a freeze, a capability, a bill of materials"
slipway device quarantine "$two" --reason "two epochs" >/dev/null
[ "$(slipway device list --quarantined --json | jq '.items | length')" = 1 ] || fail "device list --quarantined"
slipway device release "$two" >/dev/null
tomorrow=$(date -u -d tomorrow +%Y-%m-%dT%H:%M:%SZ)
later=$(date -u -d '3 days' +%Y-%m-%dT%H:%M:%SZ)
slipway freeze add --from "$tomorrow" --to "$later" --reason holidays >/dev/null
expect 1 'overlaps' slipway freeze add --from "$tomorrow" --to "$later" --reason again
slipway freeze remove "$(slipway freeze list --json | jq -r '.items[0].id')" >/dev/null
expect 0 'debug-shell' slipway capability issue "$two" debug-shell --reason "ticket 4711"
slipway capability revoke "$(slipway capability list --json | jq -r '.items[0].id')" >/dev/null
printf '{"bomFormat":"CycloneDX","specVersion":"1.5"}' >"$WORK/sbom.json"
expect 0 'cyclonedx' slipway image sbom "$(sha "$WORK/v1.img")" --put "$WORK/sbom.json"
[ "$(slipway image sbom "$(sha "$WORK/v1.img")" | jq -r .specVersion)" = 1.5 ] || fail "image sbom"
