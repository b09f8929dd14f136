#!/usr/bin/env bash
# A release whose own health program fails is halted by the gate: the devices that ran it are back
# on the old one, one that had staged it never activates, and pause and abort are honoured.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 300000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 1 # health exits 1
image_edit "$WORK/v1.img" "$WORK/v3.img" 3 0
V1=$(sha "$WORK/v1.img") V2=$(sha "$WORK/v2.img") V3=$(sha "$WORK/v3.img")
release_publish v1 1 "$WORK/v1.img"
names="one two three"
for name in $names; do
    device_provision "$name" "$WORK/v1.img"
    device_start "$name"
done
for name in $names; do until_true 20 "$name knows what it runs" device_runs "$name" "$V1"; done
# All stage before any restarts, or the gate could halt before three was offered anything.
for name in $names; do slipway-agent defer 60 --state "$WORK/$name/state" >/dev/null; done

release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100% --failed-percent 20 --min-finished 2)
for name in $names; do until_true 30 "$name staged" deploy_device_is "$id" "$(device_id "$name")" staged; done
for name in one two; do slipway-agent defer 0 --state "$WORK/$name/state" >/dev/null; done
until_true 60 "the gate halts it" deploy_is "$id" halted
for name in one two; do
    until_true 30 "$name rolled back" deploy_device_is "$id" "$(device_id "$name")" rolled-back
    until_true 30 "$name runs v1" device_runs "$name" "$V1"
    slot_holds "$name" b "$V2" 300000 || fail "$name never wrote v2"
    slot_holds "$name" a "$V1" 300000 || fail "$name lost v1"
done
slipway-agent defer 0 --state "$WORK/three/state" >/dev/null
sleep 3
device_runs three "$V1" || fail "three activated after the halt"
[ "$(deploy_field "$id" .touched)" = 2 ] || fail "touched $(deploy_field "$id" .touched)"
[ "$(sql "SELECT activated_at IS NULL FROM deployment_device WHERE state = 'staged'")" = t ] || fail "three was allowed"
[ "$(deploy_field "$id" .halt.failed)" -ge 2 ] || fail "no evidence: $(deploy_field "$id" .halt)"

say "the next release: paused before anybody may activate, resumed, finished by all"
release_publish v3 3 "$WORK/v3.img"
id=$(deploy_create v3 --phases 50%,100%)
slipway deploy pause "$id" >/dev/null
[ "$(deploy_field "$id" .state)" = paused ] || fail "not paused"
sleep 3
before=$(deploy_field "$id" .touched)
sleep 2
[ "$(deploy_field "$id" .touched)" = "$before" ] || fail "a device activated while paused"
slipway deploy resume "$id" >/dev/null
until_true 60 "v3 finishes" deploy_is "$id" finished
for name in $names; do until_true 20 "$name runs v3" device_runs "$name" "$V3"; done
! slipway deploy pause "$id" >/dev/null 2>&1 || fail "a finished deployment was paused"
! slipway deploy abort "$id" >/dev/null 2>&1 || fail "a finished deployment was aborted"
recount=$(sql "SELECT count(*) FROM (SELECT deployment_id, phase, state, count(*) n FROM deployment_device GROUP BY 1,2,3) r
  FULL JOIN (SELECT * FROM deployment_counter WHERE state <> 'touched' AND n <> 0) c USING (deployment_id, phase, state) WHERE r.n IS DISTINCT FROM c.n")
[ "$recount" = 0 ] || fail "counters differ from a recount"
