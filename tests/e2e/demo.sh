#!/usr/bin/env bash
# The demo: a real operating-system update travels from a build to a running fleet, then two bad
# releases stop themselves: one that fails, one that installs cleanly and then crashes. Ends with 0 only if everything it says was verified from the server's API
# and from the bytes in the devices' slots.
#   make demo            KEEP=1 leaves the server running
# shellcheck source=tests/e2e/support.sh
. "$(dirname "$0")/support.sh" "${1:-build/release}"
HWID=demo-x86
SIMULATED=200
IMAGES=$PWD/build/demo-images
ROOT=$PWD

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' OFF=$'\e[0m'; else BOLD='' DIM='' GREEN='' OFF=''; fi
STEP=0
started=$SECONDS
step() { STEP=$((STEP + 1)); printf '\n%s%d. %s%s\n' "$BOLD" "$STEP" "$*" "$OFF"; }
show() { printf '   %s\n' "$*"; }
verified() { printf '   %s✓%s %s\n' "$GREEN" "$OFF" "$*"; }
run() { printf '   %s$ slipway %s%s\n' "$DIM" "$*" "$OFF"; slipway "$@" | sed 's/^/   /'; }
mib() { numfmt --to=iec-i --suffix=B --format=%.1f "$1"; }
# Live bars on a terminal, a line for each change elsewhere.
watch() { if [ -t 1 ]; then slipway deploy watch "$1"; else slipway deploy watch "$1" | sed 's/^/   /'; fi; }

step "Two versions of a root file system, from Debian's own packages"
bash tests/e2e/build-images.sh "$IMAGES" | sed 's/^/   /'
[ "$(stat -c %s "$IMAGES/v2.img")" -ge 31457280 ] || fail "the image is smaller than 30 MiB"
show "v1 $(mib "$(stat -c %s "$IMAGES/v1.img")")  v2 $(mib "$(stat -c %s "$IMAGES/v2.img")")  ext4; v3 = v2 with a health program that exits 1"

step "A server with its own private PostgreSQL"
server_start
cd "$WORK" # what is shown below can be typed again there, with KEEP=1
show "slipwayd --dev answers on $URL"

step "A team's keys: root 2 of 3, releases signed by the build machine and one person"
run init --profile team --product gateway --hwid "$HWID" --component base-os --keys keys --yes
cp keys/root.json "$WORK/1.root.json"
[ -z "$(grep -rl 'slipway-ed25519-seed' "$WORK/var" 2>/dev/null)" ] || fail "an offline key reached the server"
verified "published: root, the director's root, targets, the role os-$HWID; no offline key is on the server"

step "A second person, since this profile wants two pairs of eyes; a group that polls every second"
GROUP=gateway/production
slipway token new --name bob --role approver --json | jq -r .token >bob.token
chmod 600 bob.token
show "bob may approve what somebody else made"
run group set "$GROUP" --poll-interval 1

# deploy_approved [options]: one person starts it, another one approves; the id goes to DEPLOYMENT.
# The policy looks at groups of more than a hundred devices, and this one has more.
deploy_approved() {
    run deploy create --group "$GROUP" "$@"
    DEPLOYMENT=$(slipway deploy list --json | jq -r '.items[] | select(.state == "awaiting-approval") | .id')
    [ -n "$DEPLOYMENT" ] || fail "the deployment did not wait for a second person"
    if slipway deploy approve "$DEPLOYMENT" >"$WORK/own.approval" 2>&1; then fail "its author approved it"; fi
    grep -q FOUR_EYES "$WORK/own.approval" || fail "the author's approval: $(cat "$WORK/own.approval")"
    run deploy approve "$DEPLOYMENT" --token-file bob.token
}
publish() { # VERSION COUNTER, with both keys at hand
    run release publish "$1.img" --keys keys/ci --keys keys/human --product gateway --version "$1" --counter "$2" --yes
}
for version in v1 v2 v3 v4; do ln -s "$IMAGES/$version.img" .; done
step "v1: the build machine signs a request, it is carried to the second key, and published when both signed"
run sign request release v1.img --keys keys/ci --version v1 --counter 1 --product gateway --out v1.request.json --yes
show "now the person who releases, on a machine without network:"
run sign bundle v1.request.json --keys keys/human --out v1.human.json --yes
signed_files() { slipway repo status --json | jq .files; }
before=$(signed_files)
REQUEST=$(slipway repo request v1.request.json --json | jq -r .id)
[ "$(signed_files)" = "$before" ] || fail "one signature published v1"
run repo respond "$REQUEST" v1.human.json
[ "$(signed_files)" = $((before + 1)) ] || fail "two signatures did not publish v1"
verified "one signature published nothing, the second did"
run image upload v1.img
run release create v1 --product gateway --image v1.img

step "Three real agents with two slots each, and $SIMULATED simulated devices, all from the factory with v1"
SLOT_BYTES=$(stat -c %s "$IMAGES"/v?.img | sort -n | tail -n 1)
UNPACK=$ROOT/tests/support/bin/mount-slot
LOADER_OPTIONS=--respawn
for name in alpha beta gamma; do
    device_provision "$name" "$IMAGES/v1.img"
    device_start "$name"
done
V1=$(sha "$IMAGES/v1.img") V2=$(sha "$IMAGES/v2.img") V3=$(sha "$IMAGES/v3.img") V4=$(sha "$IMAGES/v4.img")
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new "$SIMULATED")" --count "$SIMULATED" \
    --hwid "$HWID" --root "$WORK/1.root.json" --installed v1 --fail v3=100 --crash v4=20000 --seed 7 --connections 50
all_run() { # SHA COUNT: so many devices run it, by the server's word
    [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]
}
DEVICES=$((SIMULATED + 3))
until_true 60 "$DEVICES devices say that they run v1" all_run "$V1" "$DEVICES"
verified "$DEVICES devices claimed their place and run v1"

delta_state() { # FROM TO: kept, dropped ...
    slipway delta list --json | jq -r --arg from "$1" --arg to "$2" '.items[] | select(.from == $from and .to == $to) | .state'
}
delta_done() { case $(delta_state "$1" "$2") in kept | dropped | failed) ;; *) return 1 ;; esac }
show_delta() { # FROM TO NAME
    until_true 120 "the server's delta $3" delta_done "$1" "$2"
    slipway delta list --json | jq -r --arg from "$1" --arg to "$2" '.items[] | select(.from == $from and .to == $to) | "\(.state) \(.length) \(.full_zstd_length)"' >"$WORK/delta"
    read -r state length full <"$WORK/delta"
    [ "$state" = kept ] || fail "the delta $3 was not kept: $(cat "$WORK/delta")"
    show "delta $3: $(mib "$length"); full image compressed with zstd: $(mib "$full"); uncompressed: $(mib "$(stat -c %s "$IMAGES/v2.img")")"
    show "the delta is $(awk -v a="$length" -v b="$full" 'BEGIN { printf "%.2f", 100 * a / b }') % of the compressed full image"
}
# What another tool makes of the same two images takes a minute and a gigabyte: beside the rest.
nice -n 10 bsdiff "$IMAGES/v1.img" "$IMAGES/v2.img" "$WORK/bsdiff.patch" >/dev/null 2>&1 &
BSDIFF=$!
step "v2 signed; the server makes the delta by itself, for what its devices run"
publish v2 2
show_delta "$V1" "$V2" "v1 -> v2"
FIRST_DELTA=$length FIRST_FULL=$full

phases_of() { slipway deploy show "$1" --json; }
step "v2 goes to the group in phases 5 % -> 50 % -> 100 %"
deploy_approved --release v2 --phases 5%,50%,100% --soak 1s --failed-percent 20 --min-finished 3
GOOD=$DEPLOYMENT
watch "$GOOD" || fail "the deployment of v2 did not finish"
[ "$(phases_of "$GOOD" | jq -r .state)" = finished ] || fail "v2 is $(phases_of "$GOOD" | jq -r .state)"
[ "$(phases_of "$GOOD" | jq -r .counts.succeeded)" = "$DEVICES" ] || fail "not every device succeeded"
all_run "$V2" "$DEVICES" || until_true 10 "every device says it runs v2" all_run "$V2" "$DEVICES"
slot_is() { # NAME SLOT SHA LENGTH: the first bytes of a slot are an image
    [ "$(head -c "$4" "$WORK/$1/slot-$2" | sha256sum | cut -d' ' -f1)" = "$3" ]
}
LENGTH=$(stat -c %s "$IMAGES/v2.img")
for name in alpha beta gamma; do
    until_true 20 "$name runs v2" device_runs "$name" "$V2"
    slot_is "$name" "$(device_field "$name" .slot)" "$V2" "$LENGTH" || fail "the slot of $name is not v2"
done
fetched=$(sql "SELECT sum(fetched_bytes) FROM deployment_device dd JOIN deployment d ON d.id = dd.deployment_id WHERE d.public_id = '$GOOD'")
verified "$DEVICES devices run v2; the slots of the three agents hold exactly the signed bytes"
orders=$(api GET "/api/v1/devices/$(device_id alpha)/director" | jq -r '.targets.targets | keys[]')
[ "$orders" = "os/$HWID/v2/v2.img" ] || fail "the director told alpha to run '$orders'"
[ "$(device_field alpha .trust.director_bundle)" = "$GOOD" ] || fail "alpha never saw its director"
verified "alpha's orders were signed for alpha alone and agree with what the two offline keys signed"
show "$(mib "$fetched") went over the wire instead of $(mib "$((DEVICES * LENGTH))")"

device_state_in() { slipway deploy devices "$1" --json | jq -r --arg d "$2" '.items[] | select(.device == $d) | .state'; } # DEPLOYMENT DEVICE
state_is() { [ "$(device_state_in "$1" "$2")" = "$3" ]; }
step "A bad v3: its own health program fails"
publish v3 3
show_delta "$V2" "$V3" "v2 -> v3"
ALPHA=$(device_id alpha) BETA=$(device_id beta)
SALT=$(slipway deploy salt --group "$GROUP" --phase-percent 5 --first "$ALPHA" --first "$BETA" --others 5-15 --json >"$WORK/salt.json" && jq -r .salt "$WORK/salt.json")
OTHERS=$(jq -r .others "$WORK/salt.json")
FIRST=$((OTHERS + 2))
show "the salt puts agents alpha and beta and $OTHERS simulated devices into the first 5 %; beta's user defers the restart"
# The gate needs alpha's failure, and alpha waits until beta has staged: so beta always does.
for name in alpha beta; do slipway-agent defer 60 --state "$WORK/$name/state" >/dev/null; done
deploy_approved --release v3 --phases 5%,50%,100% --soak 1s --failed-percent 20 \
    --min-finished "$((FIRST - 1))" --salt "$SALT"
BAD=$DEPLOYMENT
until_true 60 "beta staged v3" state_is "$BAD" "$BETA" staged
slipway-agent defer 0 --state "$WORK/alpha/state" >/dev/null
watch "$BAD" || true
state=$(phases_of "$BAD" | jq -r .state)
[ "$state" = halted ] || fail "the bad release is '$state', not halted"
verified "the gate halted it: $(phases_of "$BAD" | jq -c .halt)"

until_true 30 "alpha is back on v2" device_runs alpha "$V2"
until_true 30 "alpha's report" state_is "$BAD" "$ALPHA" rolled-back
booted=$(device_field alpha .slot)
other=$([ "$booted" = a ] && echo b || echo a)
slot_is alpha "$booted" "$V2" "$LENGTH" || fail "alpha does not run v2's bytes"
slot_is alpha "$other" "$V3" "$LENGTH" || fail "alpha never wrote v3"
verified "alpha wrote v3 to slot $other, ran it, its health check failed, and it booted v2 in slot $booted again"
state_is "$BAD" "$BETA" staged || fail "beta is $(device_state_in "$BAD" "$BETA")"
slipway-agent defer 0 --state "$WORK/beta/state" >/dev/null
refused() { [ "$(sql "SELECT activated_at IS NULL FROM deployment_device dd JOIN deployment d ON d.id = dd.deployment_id JOIN device v ON v.id = dd.device_id WHERE d.public_id = '$BAD' AND v.device_id = '\\x$BETA'")" = t ]; }
sleep 3
refused || fail "beta was allowed to activate after the halt"
device_runs beta "$V2" || fail "beta left v2"
verified "beta had staged v3; the deferral over, it was never allowed to activate, and stays on v2"
touched=$(phases_of "$BAD" | jq -r .touched)
[ "$touched" -le "$FIRST" ] && [ "$touched" -ge 1 ] || fail "$touched devices were allowed to activate, the phase holds $FIRST"
verified "$touched of $DEVICES devices were ever allowed to activate v3; the first phase holds $FIRST"
still=$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$V2'::bytea]")
[ "$still" = "$DEVICES" ] || fail "only $still devices run v2"
verified "all $DEVICES devices run v2"

step "A v4 that installs cleanly on every device, and then crashes"
publish v4 4
show_delta "$V2" "$V4" "v2 -> v4"
deploy_approved --release v4 --phases 10%:1h,50%,100%
CRASHES=$DEPLOYMENT
watch "$CRASHES" || true
crashing() { phases_of "$CRASHES" | jq -r "$1"; }
[ "$(crashing .state)" = halted ] || fail "the crashing release is '$(crashing .state)', not halted"
[ "$(crashing .halt.gate)" = health ] || fail "it was halted by another gate: $(crashing .halt)"
[ "$(crashing '.counts.failed + .counts["rolled-back"]')" = 0 ] || fail "an update failed: $(crashing .counts)"
verified "no update failed: $(crashing .counts.succeeded) devices run v4 by its own health check"
verified "the health gate halted it all the same: $(crashing .halt.reason)"
show "its evidence: $(crashing '.halt.seen.health | "\(.updated_bad) bad days of devices with v4, \(.control_bad) of those without, in the same hours; statistic \(.statistic), bound \(.upper)"')"
touched=$(crashing .touched)
[ "$touched" -le $((DEVICES / 5)) ] || fail "$touched of $DEVICES devices had it"
verified "$touched of $DEVICES devices had it; the other $((DEVICES - touched)) still run v2"
show "what people find in the morning:"
run report issues
[ "$(slipway report issues --json | jq -r '.items[] | select(.category == "app-crash") | .first_release')" = v4 ] || fail "the issue: $(slipway report issues --json)"

step "what v1 -> v2 costs a device, in bytes"
bsdiff_ended() { ! kill -0 "$BSDIFF" 2>/dev/null; }
for _ in $(seq 20); do bsdiff_ended || sleep 1; done
show "our delta             $(mib "$FIRST_DELTA")"
if bsdiff_ended && wait "$BSDIFF"; then
    other=$(stat -c %s "$WORK/bsdiff.patch")
    show "bsdiff's patch        $(mib "$other"), $(awk -v a="$other" -v b="$FIRST_DELTA" 'BEGIN { printf "%.1f", a / b }') times as much"
else
    kill "$BSDIFF" 2>/dev/null || true
    show "bsdiff's patch        not made yet after $((SECONDS - started)) s; see docs/BENCHMARKS.md"
fi
show "full image by zstd    $(mib "$FIRST_FULL")"

printf '\n%sDone in %d s.%s Where to look next:\n' "$BOLD" "$((SECONDS - started))" "$OFF"
show "README.md            the five-line tour of the command line"
show "docs/ARCHITECTURE.md how it is built; docs/FORMATS.md every byte on disk and wire"
show "docs/API.md          the operator's and the device's HTTP"
if [ -n "${KEEP:-}" ]; then
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    PIDS=()
    show "the server still runs: $URL"
    show "  export SLIPWAY_DEV_DIR=$WORK/var; build/slipway deploy list; stop it with: kill $SERVER_PID"
    KEEP_WORK=1
    SERVER_PID=
fi
