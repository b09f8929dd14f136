#!/usr/bin/env bash
# kill -9 of the agent at ten moments of an update: a power cut. Whatever was running, the next
# start is the old or the new system, whole, and the update ends.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 6000000 1 0
V1=$(sha "$WORK/v1.img")
release_publish v1 1 "$WORK/v1.img"
SLOT_BYTES=6400000 LOADER_OPTIONS=--respawn
device_provision one "$WORK/v1.img"
# A start takes a moment, as on a real board, so that "activating" can be seen from outside.
printf '#!/bin/sh\nsleep 0.%s\nexec %s "$@"\n' "$((SLOW * 2))" "$WORK/unpack" >"$WORK/unpack-slowly"
chmod 755 "$WORK/unpack-slowly"
UNPACK=$WORK/unpack-slowly device_start one
until_true 20 "the device knows what it runs" device_runs one "$V1"

agent_pid() { pgrep -f "^$BUILD/slipway-agent run --state $WORK/one/state" | head -n 1; }
cut_power() { # it may be restarting just now: then the next one is hit
    local pid
    pid=$(agent_pid)
    [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
}
agent_lives() { [ -n "$(agent_pid)" ]; }
state_of() { device_field one .state 2>/dev/null || true; }
# wait_for STATE: until the device says so
wait_for() {
    local deadline=$((SECONDS + 20 * SLOW))
    while [ "$SECONDS" -lt "$deadline" ]; do
        now=$(state_of)
        [ "$now" = "$1" ] && break
        [ "$1" = any ] && [ "$now" != idle ] && break
        [ -z "${id:-}" ] || ! deploy_is "$id" finished || break # it passed too quickly to be seen
    done
    if [ "$1" = any ] || [ "$now" = "$1" ]; then seen=$((seen + 1)); fi
}
# Moments: a state of the device and a pause behind its beginning, so that the cut falls before,
# in and after the durable write of each. "staged" is held by a deferral and let go afterwards,
# "verifying" by a health program that takes its time.
moments="downloading:0 downloading:0.02 downloading:0.08 staged:0 staged:0.05 activating:0 activating:0.03 verifying:0 verifying:0.03 any:0.3"
old=$WORK/v1.img
number=1
kills=0
seen=0
for moment in $moments; do
    number=$((number + 1))
    want=${moment%%:*}
    new=$WORK/v$number.img
    health=0
    [ "$want" != verifying ] || health='$(sleep 1; echo 0)'
    if [ "$want" = downloading ] || [ $((number % 2)) = 0 ]; then image_make "$new" 6000000 "$number" "$health"; else image_edit "$old" "$new" "$number" "$health"; fi
    release_publish "v$number" "$number" "$new"
    [ "$want" != staged ] || slipway-agent defer 60 --state "$WORK/one/state" >/dev/null
    id=$(deploy_create "v$number" --phases 100%)
    wait_for "$want"
    sleep "${moment##*:}"
    until_true 20 "a living agent is killed" cut_power
    kills=$((kills + 1))
    say "cut $((number - 1)): $moment (agent said '$now')"
    if [ "$want" = staged ]; then
        [ "$now" = staged ] || fail "the deferred update was '$now', not staged"
        until_true 20 "the agent lives again" agent_lives
        slipway-agent defer 0 --state "$WORK/one/state" >/dev/null
    fi
    # Whatever the cut left: the boot file names a slot that holds a whole system.
    until_true 90 "v$number finishes after the cut" deploy_is "$id" finished
    until_true 30 "the device runs v$number" device_runs one "$(sha "$new")"
    slot=$(device_field one .slot)
    slot_holds one "$slot" "$(sha "$new")" 6000000 || fail "slot $slot does not hold v$number"
    [ "$(deploy_device "$id" "$(device_id one)")" = succeeded ] || fail "v$number ended as $(deploy_device "$id" "$(device_id one)")"
    old=$new
done
[ "$kills" = 10 ] || fail "only $kills kills hit a living agent"
[ "$seen" -ge 7 ] || fail "only $seen of the ten states were seen in time"
say "$kills cuts, $seen in the state they were meant for, each update ended whole"
