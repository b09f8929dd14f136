#!/usr/bin/env bash
# Power cuts while the agent updates a real root file system with a patch that the server made.
#   [CUTS=100] [DEVICES=10] tests/device-client/power_cuts.sh BUILD OLD NEW
# Each device in turn begins at OLD; its agent is killed (kill -9) at random moments, one of which
# may fall anywhere between its start and the end. Each next agent has to go on where the last
# checkpoint is. Told for each device, and held against limits:
#   - it ends with NEW's hash in its slot, by the patch alone; the full image is never asked for
#   - bytes over the wire: the patch, and per cut at most what was not yet on the disk
#   - bytes written: the image, and per cut at most what was not yet under a checkpoint
. "$(dirname "$0")/../e2e/support.sh" "${1:?usage: power_cuts.sh BUILD OLD NEW}"
OLD=${2:?the old image is missing} NEW=${3:?the new image is missing}
CUTS=${CUTS:-100} DEVICES=${DEVICES:-10}
RANDOM=${SEED:-1}
AGAIN_BYTES_MAX=$((8 << 20)) # written since the last checkpoint within a group
each=$((CUTS / DEVICES))
NEW_BYTES=$(stat -c %s "$NEW") OLD_SHA=$(sha "$OLD") NEW_SHA=$(sha "$NEW")

server_start
fleet_start
proxy_start
# There is nobody who boots these images: what they bring is a health program that agrees.
cat >"$WORK/unpack" <<'U'
#!/bin/sh
mkdir -p "$2/usr/lib/slipway" && printf '#!/bin/sh\nexit 0\n' >"$2/usr/lib/slipway/health" &&
    chmod 755 "$2/usr/lib/slipway/health"
U
chmod 755 "$WORK/unpack"
release_publish v1 1 "$OLD"
# The slots are sparse files, and a device's old image is there only while it is its turn.
SLOT_BYTES=$(($(stat -c %s "$OLD") > NEW_BYTES ? $(stat -c %s "$OLD") : NEW_BYTES)) LOADER_OPTIONS=--respawn
installed() { [ "$(slipway device show "$(device_id "$1")" --json 2>/dev/null | jq -r '.installed[0].sha256')" = "$2" ]; }
device_stop() { # the loader first
    kill "${PIDS[-1]}" 2>/dev/null || true
    wait "${PIDS[-1]}" 2>/dev/null || true
    unset 'PIDS[-1]'
}
count=$((DEVICES * 3 / 2 + 1)) # one is not cut; some are through before all of theirs came
for i in $(seq "$count"); do
    device_provision "d$i" "$OLD" "$PROXY"
    device_start "d$i"
    until_true 120 "device $i tells what it runs" installed "d$i" "$OLD_SHA"
    device_stop
    rm "$WORK/d$i/slot-a" "$WORK/d$i/slot-b"
done
release_publish v2 2 "$NEW"
say "$count devices run the old image; the server makes the patch"
delta_ended() { case $(delta_of "$OLD_SHA" "$NEW_SHA") in kept | failed | dropped) ;; *) return 1 ;; esac; }
until_true 3600 "the server's try to make the patch ends" delta_ended
delta_kept "$OLD_SHA" "$NEW_SHA" || fail "the server made no patch: $(slipway delta list --json)"
patch=$(slipway delta list --json | jq -r --arg to "$NEW_SHA" '.items[] | select(.to == $to) | .sha256')
patch_bytes=$(curl -sS --fail "$URL/t/default/image/deltas/$patch" | wc -c)
deploy_create v2 --phases 100% >/dev/null

agent_pid() { pgrep -f "^$BUILD/slipway-agent run --state $WORK/$1/state" | head -n 1 || true; }
little() { # a number from hex, in `number`
    local text= i
    for ((i = ${#1} - 2; i >= 0; i -= 2)); do text+=${1:i:2}; done
    number=$((16#$text))
}
# measure DEVICE: how far its last checkpoint is, in `point`, and the blocks of 64 KiB that are in
# the slot for good, in `blocks`
measure() {
    local hex
    point=0 blocks=0
    hex=$(od -An -v -tx1 -N 20 "$WORK/$1/state/patch-progress" 2>/dev/null | tr -d ' \n') || true
    [ "${#hex}" = 40 ] || return 0
    little "${hex:20:8}"
    blocks=$number
    little "${hex:28:12}"
    point=$((number + blocks))
}
runs_new() { device_runs "$1" "$NEW_SHA" 2>/dev/null; } # DEVICE
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
sent() { awk '$2 ~ /^\/t\/default\/image\/deltas\// { sum += $4 } END { print sum + 0 }' "$WORK/proxy.requests"; }

begin() { # DEVICE: its slots are there, it is switched on
    cp "$OLD" "$WORK/$1/slot-a"
    truncate -s "$SLOT_BYTES" "$WORK/$1/slot-a" "$WORK/$1/slot-b"
    sent_before=$(sent)
    last=0 kept=0 # the checkpoint of the last cut, and its blocks
    device_start "$1"
}
# cut_power DEVICE: kill -9, and what this agent wrote beside what the checkpoint says. False: there was
# no agent just then, or the update is over.
cut_power() {
    local pid written again
    pid=$(agent_pid "$1")
    [ -n "$pid" ] && kill -STOP "$pid" 2>/dev/null || return 1
    written=$(awk '$1 == "wchar:" { print $2 }' "/proc/$pid/io" 2>/dev/null) || true
    measure "$1"
    kill -9 "$pid" 2>/dev/null || return 1
    while alive "$pid"; do sleep 0.01; done
    [ -n "$written" ] && [ "$blocks" -ge "$kept" ] && ! runs_new "$1" || return 1
    again=$((written - (blocks - kept) * 65536))
    [ "$kept" != 0 ] || again=$((again > patch_bytes ? again - patch_bytes : 0))
    [ "$point" -ge "$last" ] || fail "$1: the checkpoint went back from $last to $point"
    [ "$again" -le "$AGAIN_BYTES_MAX" ] || fail "$1: $again bytes were written that no checkpoint knows"
    [ "$again" -le "$most" ] || most=$again
    total=$((total + again)) last=$point kept=$blocks places+=" $((blocks / 16))"
}
# moved DEVICE: a checkpoint is past the one of the last cut, or the update is over
moved() { measure "$1"; [ "$point" -gt "$last" ] || runs_new "$1"; }
# end DEVICE CUTS: what it came to, and the bytes it fetched in `fetched`
end() {
    until_true 600 "$1 runs the new image" runs_new "$1"
    slot_holds "$1" b "$NEW_SHA" "$NEW_BYTES" || fail "$1: slot b does not hold the new image"
    fetched=$(($(sent) - sent_before))
    [ "$fetched" -ge "$patch_bytes" ] && [ "$fetched" -le $((patch_bytes + 65536 * $2)) ] ||
        fail "$1: $fetched bytes over the wire for $2 cuts, the patch has $patch_bytes"
    ! grep -q 'GET /t/default/image/targets/os/.*v2' "$WORK/proxy.requests" || fail "$1 fetched the full image"
    ! grep -q 'patch_restarted\|delta_refused' "$WORK/$1.log" || fail "$1 did not go on where it was"
    device_stop
    rm "$WORK/$1/slot-a" "$WORK/$1/slot-b"
}

begin d1
start=$(milliseconds)
end d1 0
span=$(($(milliseconds) - start))
say "without a cut: $span ms; the patch has $patch_bytes bytes, the image $NEW_BYTES"
cuts=0 most=0 total=0
for i in $(seq 2 "$count"); do
    [ "$cuts" -lt "$CUTS" ] || break
    begin "d$i"
    here=0 places=
    while [ "$here" -lt "$each" ] && [ $((cuts + here)) -lt "$CUTS" ]; do
        # The first may hit anything from the start on. Then two in a row within one step of the
        # patch would be taken for a patch that ends the agent: the next waits for a checkpoint.
        [ "$here" = 0 ] || until_true 600 "d$i goes on after a cut" moved "d$i"
        delay=$((RANDOM * span / (2 * each) / 32768)) # the rest passes until there is a checkpoint
        sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
        ! runs_new "d$i" || break
        ! cut_power "d$i" || here=$((here + 1))
    done
    end "d$i" "$here"
    cuts=$((cuts + here))
    say "d$i: $here cuts, the checkpoints at MiB$places; $fetched bytes fetched"
done
[ "$cuts" = "$CUTS" ] || fail "only $cuts cuts hit an agent"
say "$cuts cuts: each agent went on at its last checkpoint and ended with the right image;" \
    "written again per cut: $((total / cuts)) bytes, at most $most"
