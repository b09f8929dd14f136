#!/usr/bin/env bash
# A hostile network and a stolen server against the real agent: each attack is refused with its own
# code, in the agent's status and in the server's record, and the device stays on what it runs. These
# are T03, T11-T13, T15, T17, T20, T44-T46 of the attack table, and T25, T26, T30, T31, T36, T37 for a
# tenant without a director; with one: attacks_director.sh.
. "$(dirname "$0")/support.sh" "$1"
# Keys whose secret halves are known, as if they had been stolen: an old server's, which the signer
# takes over when the server starts again.
timestamp_seed=$(printf '71%.0s' $(seq 32))
snapshot_seed=$(printf '72%.0s' $(seq 32))
evil_seed=$(printf '66%.0s' $(seq 32))
public_of() { # SEED: the public key, in hex
    printf '302e020100300506032b657004220420%s' "$1" | tr a-f A-F | basenc --base16 -d |
        openssl pkey -inform DER -pubout -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \n'
}
server_start
for role in timestamp snapshot; do
    seed=${role}_seed
    sql "INSERT INTO repo_online_key (tenant_id, role, seed, public_key)
         SELECT id, '$role', '\\x${!seed}', '\\x$(public_of "${!seed}")' FROM tenant WHERE name = 'default'"
done
server_stop
server_start
fleet_start
proxy_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
image_make "$WORK/other.img" 100000 3 0
image_make "$WORK/v3.img" 100000 4 0
V1=$(sha "$WORK/v1.img") V2=$(sha "$WORK/v2.img") V3=$(sha "$WORK/v3.img") OTHER=$(sha "$WORK/other.img")
meta=/t/default/image/metadata
keep() { curl -sS --fail "$URL$meta/$1" -o "$WORK/$2"; } # what the server says now, for a replay
release_publish v1 1 "$WORK/v1.img"
keep timestamp.json old.timestamp.json
# v2's entry says that nothing below counter 2 may ever boot again once it was committed.
slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" --previous "$WORK/1.targets.json" --out "$WORK/2.targets.json" \
    --component base-os --version v2 --counter 2 --floor 2 --hwid "$HWID" "$WORK/v2.img" >/dev/null
slipway repo push "$WORK/2.targets.json" >/dev/null
slipway image upload "$WORK/v2.img" >/dev/null
slipway release create v2 --product board --image "$WORK/v2.img" >/dev/null
TARGETS=2
device_provision one "$WORK/v1.img" "$PROXY"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$V1"
ONE=$(device_id one)

say "it updates to v2 when nobody interferes"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 20 "the device runs v2" device_runs one "$V2"

# An image for other hardware, signed; and v3, which will be offered but never wins.
slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" --previous "$WORK/2.targets.json" --out "$WORK/3.targets.json" \
    --component base-os --version other --counter 9 --hwid other-board "$WORK/other.img" >/dev/null
slipway repo push "$WORK/3.targets.json" >/dev/null
TARGETS=3
release_publish v3 3 "$WORK/v3.img"
until_true 30 "the device walked to the newest metadata" test -n "$ONE"
SNAPSHOT=$(curl -sS "$URL$meta/timestamp.json" | jq '.signed.meta["snapshot.json"].version')
STAMP=$(curl -sS "$URL$meta/timestamp.json" | jq .signed.version)
keep timestamp.json timestamp.json
keep "$SNAPSHOT.snapshot.json" snapshot.json
keep 4.targets.json targets.json

rule() { printf '%s/%s.%s' "$WORK/rules" "$(rule_name "$1")" "$2"; }
forge() { jq -c .signed | "$BUILD/forge" "$1"; } # SEED: signs what jq made of a document
assignment=1000
# offer PATH SHA: the stolen server's poll answer
offer() {
    assignment=$((assignment + 1))
    printf '{"assignment":%d,"next_poll_s":1,"deployment":"%s","action":"install","targets":[{"path":"%s","sha256":"%s"}],"deltas":[],"conditions":{}}' \
        "$assignment" "$id" "$1" "$2" >"$WORK/poll.new"
    mv "$WORK/poll.new" "$(rule /device/v1/poll body)"
}
reported() { [ "$(sql "SELECT count(*) FROM report WHERE reason = '$1'")" -gt "${2:-0}" ]; }
attacks=0
# attack CODE WHAT: rules are in place; offers v3 (or what OFFER says) and expects the refusal
attack() {
    local code=$1 what=$2 before
    before=$(sql "SELECT count(*) FROM report WHERE reason = '$code'")
    # shellcheck disable=SC2086
    offer ${OFFER:-os/$HWID/v3/v3.img $V3}
    until_true 30 "$code in the agent's status ($what)" device_refusal one "$code"
    until_true 30 "$code in the server's record ($what)" reported "$code" "$before"
    slipway report list --device "$ONE" --json | jq -e --arg code "$code" '[.items[].reason] | index($code)' >/dev/null || fail "$code is not in the API"
    device_runs one "$V2" || fail "$what: the device left v2"
    rm -f "$WORK"/rules/*
    attacks=$((attacks + 1))
    say "refused $code: $what"
    sleep 1.2 # an honest poll in between
}
tamper() { cat >"$(rule "$meta/$1" body)"; } # NAME, body on stdin

tamper timestamp.json <"$WORK/old.timestamp.json"
attack TIMESTAMP_ROLLBACK "an older timestamp replayed"
jq '.signed.version += 1 | .signed.expires = "2020-01-01T00:00:00Z"' "$WORK/timestamp.json" | forge "$timestamp_seed" | tamper timestamp.json
attack TIMESTAMP_EXPIRED "an expired timestamp"
jq '.signed.version += 1' "$WORK/timestamp.json" | forge "$evil_seed" | tamper timestamp.json
attack TIMESTAMP_THRESHOLD "a timestamp signed by somebody else"
jq '.signed.version += 1' "$WORK/timestamp.json" | forge "$snapshot_seed" | tamper timestamp.json
attack TIMESTAMP_THRESHOLD "a timestamp signed by the snapshot key"
tamper timestamp.json <"$WORK/snapshot.json"
attack WRONG_TYPE "a snapshot served as timestamp"
jq '.signed.version += 1 | .signed.spec_version = "2.0.0"' "$WORK/timestamp.json" | forge "$timestamp_seed" | tamper timestamp.json
attack SPEC_VERSION "metadata of another major version"
sed 's/"version":/"version":1,"version":/' "$WORK/timestamp.json" | tamper timestamp.json
attack JSON_STRICT "a key twice"
{ cat "$WORK/timestamp.json"; head -c 20000 /dev/zero | tr '\0' ' '; } | tamper timestamp.json
attack LENGTH_LIMIT "a timestamp without end"
jq --argjson v 1 '.signed.version += 1 | .signed.meta["snapshot.json"].version = $v' "$WORK/timestamp.json" | forge "$timestamp_seed" | tamper timestamp.json
attack SNAPSHOT_ROLLBACK "a newer timestamp naming an older snapshot"

# From here on a newer timestamp leads to what is tampered with behind it. Every attack's
# timestamp is accepted and kept, so versions must go on rising.
bump=10
lead() { # SNAPSHOT_FILE: publishes it (signed by whom it may be) under a new timestamp
    bump=$((bump + 10))
    local version length hash
    version=$(jq .signed.version "$1")
    length=$(stat -c %s "$1")
    hash=$(sha "$1")
    jq --argjson b "$bump" --argjson v "$version" --argjson l "$length" --arg h "$hash" \
        '.signed.version += $b | .signed.meta["snapshot.json"] = {version: $v, length: $l, hashes: {sha256: $h}}' "$WORK/timestamp.json" |
        forge "$timestamp_seed" | tamper timestamp.json
}
jq --argjson b 1 '.signed.version += $b' "$WORK/snapshot.json" | forge "$evil_seed" >"$WORK/evil.snapshot.json"
lead "$WORK/evil.snapshot.json"
tamper "$((SNAPSHOT + 1)).snapshot.json" <"$WORK/evil.snapshot.json"
attack SNAPSHOT_THRESHOLD "a snapshot signed by somebody else"
jq '.signed.version += 1' "$WORK/snapshot.json" | forge "$snapshot_seed" >"$WORK/good.snapshot.json"
lead "$WORK/good.snapshot.json"
{ cat "$WORK/good.snapshot.json" | tr ' ' ' ' | sed 's/$/ /'; } | head -c "$(stat -c %s "$WORK/good.snapshot.json")" | sed 's/targets/tArgets/' | tamper "$((SNAPSHOT + 1)).snapshot.json"
attack SNAPSHOT_HASH "another snapshot than the one named"
jq '.signed.version += 2 | .signed.meta["targets.json"].version = 1' "$WORK/snapshot.json" | forge "$snapshot_seed" >"$WORK/back.snapshot.json"
lead "$WORK/back.snapshot.json"
tamper "$((SNAPSHOT + 2)).snapshot.json" <"$WORK/back.snapshot.json"
attack TARGETS_ROLLBACK "a snapshot that names older targets"
jq '.signed.version += 5 | .signed.meta["targets.json"].version = 5' "$WORK/snapshot.json" | jq 'del(.signed.meta["targets.json"].length, .signed.meta["targets.json"].hashes)' | forge "$snapshot_seed" >"$WORK/next.snapshot.json"
lead "$WORK/next.snapshot.json"
tamper "$((SNAPSHOT + 5)).snapshot.json" <"$WORK/next.snapshot.json"
jq '.signed.version = 5' "$WORK/targets.json" | forge "$timestamp_seed" | tamper 5.targets.json
attack TARGETS_THRESHOLD "targets signed by the stolen server's own key"

say "a new root needs the old root's key"
slipway keys new --dir "$WORK/evil" >/dev/null
slipway sign root --keys "$WORK/evil" --online "$WORK/online.json" --out "$WORK/evil.root.json" >/dev/null
jq '.signed.version = 2' "$WORK/evil.root.json" | forge "$(cut -d' ' -f2 "$WORK/evil/root.key")" >"$WORK/2.root.json"
tamper 2.root.json <"$WORK/2.root.json"
attack ROOT_OLD_THRESHOLD "a new root signed by new keys only"

say "what the poll chooses against what is signed. A device of its own, with honest metadata"
device_provision two "$WORK/v2.img" "$PROXY"
device_start two
until_true 20 "the second device knows what it runs" device_runs two "$V2"
ONE=$(device_id two)
device_refusal_of_two() { [ "$(device_field two .last_refusal)" = "$1" ]; }
choice() { # CODE PATH SHA WHAT
    local before
    before=$(sql "SELECT count(*) FROM report WHERE reason = '$1'")
    offer "$2" "$3"
    until_true 30 "$1 ($4)" device_refusal_of_two "$1"
    until_true 30 "$1 in the server's record ($4)" reported "$1" "$before"
    device_runs two "$V2" || fail "$4: the device left v2"
    rm -f "$WORK"/rules/*
    attacks=$((attacks + 1))
    say "refused $1: $4"
    sleep 1.2
}
choice TARGET_NOT_IN_IMAGE_REPO "os/$HWID/v7/v7.img" "$V3" "an image that nobody signed"
choice DIRECTOR_IMAGE_MISMATCH "os/$HWID/v3/v3.img" "$V1" "a signed path with another hash"
choice HWID_MISMATCH "os/other-board/other/other.img" "$OTHER" "an image of other hardware"
choice RELEASE_ROLLBACK "os/$HWID/v1/v1.img" "$V1" "an older image"

say "bytes: same length, cut short"
full="/t/default/image/targets/os/$HWID/v3/$V3.v3.img"
# bytes CODE WHAT: what the rule serves instead of v3 is refused; the deployment is then aborted
bytes() {
    local id3
    id3=$(deploy_create v3 --phases 100% --failed-percent 100 --min-finished 1000)
    until_true 60 "$1 in the server's record ($2)" reported "$1"
    until_true 30 "$1 in the agent's status ($2)" device_refusal_of_two "$1"
    until_true 30 "two failed ($2)" deploy_device_is "$id3" "$ONE" failed
    device_runs two "$V2" || fail "$2: the device left v2"
    slipway deploy abort "$id3" >/dev/null
    attacks=$((attacks + 1))
    say "refused $1: $2"
}
cp "$WORK/other.img" "$(rule "$full" body)"
bytes TARGET_HASH "an image with other bytes"
head -c 50000 "$WORK/v3.img" >"$(rule "$full" body)"
bytes TARGET_LENGTH "an image that ends too early"
[ "$attacks" = 20 ] || fail "only $attacks attacks were tried"
say "$attacks attacks refused, each with its own code"
