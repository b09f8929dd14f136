#!/usr/bin/env bash
# A device downloads at any time and switches in its window, by its own clock and zone; whoever
# defers it holds it back, and says so. What happens to it meanwhile is told and counted.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
image_make "$WORK/v3.img" 100000 3 0
for n in 1 2 3; do release_publish v$n $n "$WORK/v$n.img"; done
(umask 077 && slipway token new --name Ann --role approver --json | jq -r .token >"$WORK/ann")
ZONE=Australia/Lord_Howe
PROVISION_OPTIONS="--timezone $ZONE --pstore $WORK/pstore" device_provision one "$WORK/v1.img"
slipway-agent provision --server "$URL" --root "$WORK/1.root.json" --hwid x --state "$WORK/x" --slot-a "$WORK/v1.img" --slot-b "$WORK/v1.img" \
    --boot-file "$WORK/x.boot" --timezone Mars/Olympus 2>"$WORK/said" && fail "a zone on Mars"
grep -q 'Mars/Olympus' "$WORK/said" || fail "$(cat "$WORK/said")"
# A window of the device's own day that begins so many minutes from now and lasts an hour.
window_in() {
    local at=$(($(date +%s) + $1 * 60))
    slipway group set "$GROUP" --window "$(TZ=$ZONE date -d "@$at" +%a | tr '[:upper:]' '[:lower:]')@$(TZ=$ZONE date -d "@$at" +%H:%M)-$(TZ=$ZONE date -d "@$((at + 3600))" +%H:%M)" >/dev/null
}
waits_for() { [ "$(device_field one '.state + " " + .reason')" = "staged $1" ]; }

say "outside the window: downloaded, staged, not switched"
window_in 180
device_start one
until_true 20 "the device runs v1" device_runs one "$(sha "$WORK/v1.img")"
first=$(deploy_create v2 --phases 100%)
until_true 30 "it waits for its window" waits_for WINDOW
device_field one .detail | grep -q 'the window opens at 20' || fail "$(device_field one .detail)"
row_reason() { [ "$(slipway deploy devices "$1" --json | jq -r '.items[0].reason')" = "$2" ]; }
until_true 10 "the server knows why" row_reason "$first" WINDOW
[ "$(deploy_field "$first" .counts.failed)" = 0 ] || fail "waiting is no failure"
slipway device why "$(device_id one)" | grep -qi window || fail "$(slipway device why "$(device_id one)")"
[ "$(slipway device show "$(device_id one)" --json | jq -r .attributes.timezone)" = "$ZONE" ] || fail "no zone"

say "a hotfix does not wait for it"
slipway deploy abort "$first" >/dev/null
second=$(deploy_create v2 --phases 100% --security)
approve() { slipway deploy approve "$second" --token-file "$WORK/ann" >>"$WORK/approve.log" 2>&1; }
until_true 20 "somebody else approves" approve
until_true 40 "it runs v2" device_runs one "$(sha "$WORK/v2.img")"
until_true 20 "v2 is there" deploy_is "$second" finished

say "within the window, but deferred; then it switches"
window_in -10
slipway-agent defer 60 --state "$WORK/one/state"
third=$(deploy_create v3 --phases 100%)
until_true 30 "it is deferred" waits_for DEFERRED
until_true 10 "the server knows why" row_reason "$third" DEFERRED
slipway-agent defer 1441 --state "$WORK/one/state" 2>/dev/null && fail "deferred for longer than a day"
slipway-agent defer 0 --state "$WORK/one/state"
until_true 40 "it runs v3" device_runs one "$(sha "$WORK/v3.img")"
until_true 20 "v3 is there" deploy_is "$third" finished

say "crashes are counted on the device and told once; uptime comes by itself"
event() { slipway-agent event --state "$WORK/one/state" "$@"; }
event --category fire 2>"$WORK/said" && fail "an unknown category"
grep -q "category" "$WORK/said" || fail "$(cat "$WORK/said")"
for _ in 1 2 3; do event --category app-crash --component pump --signal 11 --summary 'it fell'; done
mkdir -p "$WORK/pstore"
printf '<6>[ 1.0] fine\n<0>[ 2.0] Kernel panic - not syncing: Fatal exception\n' >"$WORK/pstore/dmesg-ramoops-0"
kill "${PIDS[-1]}"
until_true 10 "the agent ended" bash -c "! kill -0 ${PIDS[-1]} 2>/dev/null"
echo first >"$WORK/boot-id"
slipway-agent check --state "$WORK/one/state" --slot "$(device_field one .slot)" >>"$WORK/one.log" 2>&1
issue() { slipway report issues --json | jq -r --arg c "$1" '.items[] | select(.category == $c) | .count'; }
[ "$(issue app-crash)" = 3 ] || fail "crashes: $(slipway report issues)"
run_once() { # the agent alone, as after a start of the system
    slipway-agent run --state "$WORK/one/state" --slot "$(device_field one .slot)" --first-poll-ms 0 --boot-id "$WORK/boot-id" >>"$WORK/one.log" 2>&1 &
    PIDS+=("$!")
}
told() { [ "$(issue "$1")" = "$2" ]; }
run_once
until_true 20 "the kernel's crash is told" told kernel-crash 1
until_true 10 "the kernel's log is gone" test ! -e "$WORK/pstore/dmesg-ramoops-0"
kill_now "${PIDS[-1]}"
echo second >"$WORK/boot-id"
run_once
until_true 20 "a restart that nobody planned is told" told reboot 1
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2>/dev/null || true
echo third >"$WORK/boot-id"
run_once
sleep 2
[ "$(issue reboot)" = 1 ] || fail "a planned restart was counted"
has_uptime() { [ "$(sql "SET slipway.tenant = '*'; SELECT sum(uptime_s) > 0 FROM event_day" | tail -n 1)" = t ]; }
until_true 20 "its uptime is there" has_uptime
say "done"
