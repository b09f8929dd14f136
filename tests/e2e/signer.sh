#!/usr/bin/env bash
# The online keys: an old repository's are taken over and its devices never notice; the signer is
# killed while it signs and nothing is lost; and whoever has the server's rights asks it in vain.
. "$(dirname "$0")/support.sh" "$1"
SOCKET=$WORK/var/signer/socket
timestamp_seed=$(printf '61%.0s' $(seq 32))
snapshot_seed=$(printf '62%.0s' $(seq 32))
public_of() { # SEED: the public key, in hex
    printf '302e020100300506032b657004220420%s' "$1" | tr a-f A-F | basenc --base16 -d |
        openssl pkey -inform DER -pubout -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \n'
}
seeds_left() { sql "SELECT count(*) FROM repo_online_key WHERE seed IS NOT NULL"; }
version_of() { curl -sS --fail "$URL/t/default/image/metadata/timestamp.json" | jq .signed.version; }
signer_pid() { jq -r .signer_pid "$WORK/var/dev.json"; }

say "a repository of the time before the signer: its keys are in the database"
server_start
for role in timestamp snapshot; do
    seed=${role}_seed
    sql "INSERT INTO repo_online_key (tenant_id, role, seed, public_key)
         SELECT id, '$role', '\\x${!seed}', '\\x$(public_of "${!seed}")' FROM tenant WHERE name = 'default'"
done
server_stop
server_start
[ "$(seeds_left)" = 0 ] || fail "keys are left in the database"
fleet_start
for role in timestamp snapshot; do
    seed=${role}_seed
    [ "$(jq -r ".$role.key.keyval.public" "$WORK/online.json")" = "$(public_of "${!seed}")" ] || fail "the $role key is another one"
done
image_make "$WORK/v1.img" 200000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
device_provision one "$WORK/v1.img"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$(sha "$WORK/v1.img")"
server_stop
# As the first version left it: no signer, the seeds in the database, documents signed by them.
server_start
sql "UPDATE repo_online_key SET seed = CASE role WHEN 'timestamp' THEN '\\x$timestamp_seed'::bytea ELSE '\\x$snapshot_seed' END"
server_stop
rm -r "$WORK/var/signer"

say "it moves them into the signer on its first start, and the device goes on updating"
server_start
[ "$(seeds_left)" = 0 ] || fail "keys are left in the database"
[ "$(stat -c %a "$WORK/var/signer/keys/default.snapshot.key")" = 600 ] || fail "the sealed key is not its owner's only"
! grep -rqa "$(printf 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')" "$WORK/var/signer" || fail "the seed lies open in the signer's folder"
release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 20 "the device runs v2" device_runs one "$(sha "$WORK/v2.img")"

say "kill -9 of the signer at every publication: each goes through, versions only rise"
published() { curl -sS --fail -H "Authorization: Bearer $TOKEN" "$URL/api/v1/repo/status" | jq -e --argjson v "$1" '[.. | objects | select(.role? == "targets") | .version] | any(. == $v)' >/dev/null; }
push_once() { published "$TARGETS" || slipway repo push "$WORK/$TARGETS.targets.json" >>"$WORK/push.log" 2>&1; }
killed=0
for round in 3 4 5 6 7; do
    before=$(version_of)
    image_edit "$WORK/v1.img" "$WORK/v$round.img" "$round" 0
    TARGETS=$((TARGETS + 1))
    slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" --previous "$WORK/$((TARGETS - 1)).targets.json" \
        --out "$WORK/$TARGETS.targets.json" --component base-os --version "v$round" --counter "$round" --hwid "$HWID" "$WORK/v$round.img" >/dev/null
    push_once & # killed somewhere in the middle of this, a little later each time
    push=$!
    for _ in 1 2 3; do
        if kill -9 "$(signer_pid)" 2>/dev/null; then killed=$((killed + 1)); fi
        read -rt "0.0$((round * 2))" <> <(:) || true
    done
    wait "$push" || true
    until_true 60 "targets $TARGETS are published" push_once
    [ "$(version_of)" -gt "$before" ] || fail "the timestamp's version did not rise"
done
[ "$killed" -ge 5 ] || fail "the signer was killed $killed times"
slipway image upload "$WORK/v7.img" >/dev/null
slipway release create v7 --product board --image "$WORK/v7.img" >/dev/null
id=$(deploy_create v7 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 20 "the device runs v7" device_runs one "$(sha "$WORK/v7.img")"

say "kill -9 of the server: the next one has a signer of its own, with the same keys"
slipway repo online-keys --out "$WORK/before.json" >/dev/null
old=$(signer_pid)
server_kill
until_true 20 "the signer ends with its server" eval '! alive "$old"'
server_start
slipway repo online-keys --out "$WORK/after.json" >/dev/null
cmp "$WORK/before.json" "$WORK/after.json" || fail "the keys changed"

say "a renewal while the signer is killed: it is made up for"
floor=$(($(date +%s%3N) + 600000)) # as a recovery raises it: everything is signed again
server_stop
server_start
sql "UPDATE tenant SET version_floor = $floor WHERE name = 'default'"
server_kill
server_start
for _ in 1 2 3; do kill -9 "$(signer_pid)" 2>/dev/null || true; done
renewed() { [ "$(version_of)" -ge "$floor" ]; }
until_true 100 "the timestamp is signed above the floor" renewed
sql "UPDATE tenant SET version_floor = 0 WHERE name = 'default'"

# --- a stolen server -----------------------------------------------------------------------------
meta() { curl -sS --fail "$URL/t/default/image/metadata/$1" | jq .signed; }
now_version() { printf '%s' "$(($(date +%s%3N) + 1200000))"; } # above everything so far, within the hour
canonical() { jq -cjS "$@"; }
# refuses LABEL WHY [DEVICE]: the document is on standard input
refuses() {
    local answer
    answer=$(ask-signer "$SOCKET" default "$1" ${3:-})
    echo "$answer" >>"$WORK/asked"
    case $answer in
    "refused denied "*"$2"*) ;;
    *) fail "the signer said '$answer', not a refusal about '$2'" ;;
    esac
}
say "what the honest server could say, it signs: so the refusals below mean something"
SNAPSHOT=$(meta timestamp.json | jq '.meta["snapshot.json"].version')
meta timestamp.json >"$WORK/timestamp"
meta "$SNAPSHOT.snapshot.json" >"$WORK/snapshot"
SIGNED=$(now_version)
canonical --argjson v "$SIGNED" '.version = $v' "$WORK/timestamp" | ask-signer "$SOCKET" default timestamp | grep -q ^signed || fail "an honest timestamp was refused"

say "what takes anything back, or leaps ahead, it refuses whoever asks"
canonical . "$WORK/timestamp" | refuses timestamp "not above"
canonical . "$WORK/snapshot" | refuses snapshot "not above"
canonical '.version = 7' "$WORK/timestamp" | refuses timestamp "of the past"
canonical --argjson v "$SIGNED" '.version = $v' "$WORK/timestamp" | refuses timestamp "not above"
canonical '.version = 9007199254740991' "$WORK/timestamp" | refuses timestamp "leaps into the future"
canonical --argjson v "$((SIGNED + 1))" '.version = $v | .meta["snapshot.json"].version = 9007199254740991' "$WORK/timestamp" | refuses timestamp "leaps into the future"
canonical --argjson v "$((SIGNED + 2))" '.version = $v | .meta["snapshot.json"].version = 5' "$WORK/timestamp" | refuses timestamp "goes back"
canonical --argjson v "$((SIGNED + 3))" '.version = $v | .expires = "2036-01-01T00:00:00Z"' "$WORK/timestamp" | refuses timestamp "may not live longer"
v=$(now_version)
canonical --argjson v "$v" '.version = $v | .meta = {"other.json": {"version": 1}}' "$WORK/snapshot" | refuses snapshot "drops or lowers 'targets.json'"
canonical --argjson v "$v" '.version = $v | .meta["targets.json"].version -= 1' "$WORK/snapshot" | refuses snapshot "drops or lowers 'targets.json'"
canonical --argjson v "$v" '.version = $v | .meta["targets.json"].version += 100000' "$WORK/snapshot" | refuses snapshot "leap"
canonical --argjson v "$v" '.version = $v' "$WORK/snapshot" | refuses timestamp "does not sign such"
meta 1.root.json | canonical . | refuses snapshot "does not sign such"
jq --argjson v "$v" '.version = $v' "$WORK/snapshot" | refuses snapshot "canonical"

say "a director's document is for one device, and names it"
one=$(device_id one)
two=$(printf '77%.0s' $(seq 32))
expires=$(date -u -d +1day +%Y-%m-%dT%H:%M:%SZ)
directed() { # DEVICE ECU...
    jq -n --arg d "$1" --argjson v "$(date +%s%3N)" --arg e "$expires" '{_type: "targets", spec_version: "1.0.31", version: $v, expires: $e, "x-device": $d, "x-bundle": "",
        targets: {"os/story-board/v2/rootfs.img": {length: 1, hashes: {sha256: $d}, custom: {action: "install", match: {},
        ecus: ($ARGS.positional | map({key: "\(.)-main", value: {hwid: "story-board"}}) | from_entries)}}}}' --args "${@:2}"
}
directed "$one" "$one" | canonical . | ask-signer "$SOCKET" default director "$one" | grep -q ^signed || fail "an honest director's document was refused"
directed "$one" "$one" "$two" | canonical . | refuses director "exactly one ECU" "$one"
directed "$one" "$two" | canonical . | refuses director "another device" "$one"
directed "$two" "$two" | canonical . | refuses director "not for the device" "$one"
directed "$one" "$one" | canonical . | refuses director "names no device"
directed "$one" "$one" | canonical '.version = 5' | refuses director "of the past" "$one"
directed "$one" "$one" | canonical '.delegations = {}' | refuses director "'delegations'" "$one"
[ "$(wc -l <"$WORK/asked")" = 20 ] || fail "$(wc -l <"$WORK/asked") attempts were made"

say "and the honest server goes on after all of that"
image_edit "$WORK/v1.img" "$WORK/v8.img" 8 0
release_publish v8 8 "$WORK/v8.img"
id=$(deploy_create v8 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 20 "the device runs v8" device_runs one "$(sha "$WORK/v8.img")"
