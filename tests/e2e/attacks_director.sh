#!/usr/bin/env bash
# The attack table's second half against the real agent: a thief has the director's key, the keys of
# snapshot and timestamp, and the network. Each attack is refused with its own code, in the agent's
# status and in the server's record; the device stays on what it runs and keeps what it trusted.
# T25-T37, T39, T40, T48; what befalls the device itself is in attacks_device.sh.
. "$(dirname "$0")/support.sh" "$1"
timestamp_seed=$(printf '71%.0s' $(seq 32))
snapshot_seed=$(printf '72%.0s' $(seq 32))
thief_seed=$(printf '66%.0s' $(seq 32)) # the stolen director key
app_seed=$(printf '61%.0s' $(seq 32))
public_of() { # SEED: the public key, in hex
    printf '302e020100300506032b657004220420%s' "$1" | tr a-f A-F | basenc --base16 -d |
        openssl pkey -inform DER -pubout -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \n'
}
key_of() { printf '{"keytype":"ed25519","keyval":{"public":"%s"},"scheme":"ed25519"}' "$(public_of "$1")"; } # canonical
keyid_of() { key_of "$1" | sha256sum | cut -d' ' -f1; }
forge() { jq -c .signed | "$BUILD/forge" "$1"; } # SEED: signs what jq made of a document
seed_in() { cut -d' ' -f2 "$WORK/keys/$1"; }     # FOLDER/KEY

server_start
for role in timestamp snapshot; do
    seed=${role}_seed
    sql "INSERT INTO repo_online_key (tenant_id, role, seed, public_key)
         SELECT id, '$role', '\\x${!seed}', '\\x$(public_of "${!seed}")' FROM tenant WHERE name = 'default'"
done
server_stop
server_start
solo_start
proxy_start
image_make "$WORK/v0.img" 100000 9 0
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v3.img" 100000 3 0 # of its own: there will be no patch to it
for v in 2 4 5 6 7; do image_edit "$WORK/v1.img" "$WORK/v$v.img" "$v" 0; done
for v in 0 1 2 3 4 5 6 7; do declare "V$v=$(sha "$WORK/v$v.img")"; done
solo_publish v0 1 "$WORK/v0.img"
solo_publish v1 2 "$WORK/v1.img"
# v2 was signed to be left for counter 1, and with a floor above it, which our own tools do not do.
curl -sS --fail "$URL/t/default/image/metadata/3.os-$HWID.json" |
    jq -c --arg p "os/$HWID/v2/v2.img" --arg h "$HWID" --arg s "$V2" --arg until "$(date -u -d '+30 days' +%FT%TZ)" \
        '.signed.version = 4 | .signed.targets[$p] = {length: 100000, hashes: {sha256: $s}, custom: {type: "os", floor: 2, revert_to: [1], revert_until: $until, payload: {format: "raw"},
          match: {name: "base-os", version: "v2", hwids: [$h], release_counter: 3, security_epoch: 0}}}' |
    forge "$(seed_in ci/release.key)" | api POST "/api/v1/repo/metadata?role=os-$HWID" -H 'Content-Type: application/json' --data-binary @- >"$WORK/published" || fail "v2: $(cat "$WORK/published")"
slipway image upload "$WORK/v2.img" >/dev/null
slipway release create v2 --product board --image "$WORK/v2.img" >/dev/null
solo_publish v3 4 "$WORK/v3.img"
device_provision one "$WORK/v1.img" "$PROXY"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$V1"
ONE=$(device_id one)
say "it updates to v2 when nobody interferes"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
until_true 20 "the device runs v2" device_runs one "$V2"

# --- what the thief writes -----------------------------------------------------------------------
image=/t/default/image
rule() { printf '%s/%s.%s' "$WORK/rules" "$(rule_name "$1")" "$2"; }
serve() { cat >"$WORK/serve.new" && mv "$WORK/serve.new" "$(rule "$1" body)"; } # PATH <body
get() { curl -sS --fail "$URL$image/metadata/$1"; }
# The genuine root key signs a second root, as it would for a stolen key's owner: from here on the
# thief's key is one of the director's.
director() { printf '/t/default/director/%s/metadata/%s' "$TARGET_DEVICE" "$1"; }
second_root() {
    api GET /api/v1/repo/metadata/director/1.root.json >"$WORK/director.1.json"
    jq --argjson key "$(key_of "$thief_seed")" --arg id "$(keyid_of "$thief_seed")" \
        '.signed.version = 2 | .signed.keys[$id] = $key | .signed.roles |= with_entries(if .key == "root" then . else .value.keyids += [$id] end)' \
        "$WORK/director.1.json" | forge "$(seed_in owner/director-root.key)" >"$WORK/director.2.json"
    serve "$(director 2.root.json)" <"$WORK/director.2.json"
}
stamp=0
# direct TARGETS [JQ]: signed documents of the director that list TARGETS (JSON), changed by JQ
direct() {
    local expires now doc
    now=$(date +%s%3N)
    [ "$now" -gt "$stamp" ] && stamp=$now || stamp=$((stamp + 1))
    expires=$(date -u -d '+1 day' +%FT%TZ)
    doc=$(jq -nc --argjson t "$1" --argjson v "$stamp" --arg e "$expires" --arg d "$TARGET_DEVICE" --arg now "$(date -u +%FT%TZ)" \
        '{signed: {_type: "targets", spec_version: "1.0.31", version: $v, expires: $e, targets: $t, "x-device": $d,
          "x-bundle": "stolen", "x-bundle-parts": ($t | length), "x-issued": $now}}' | jq -c "${2:-.}")
    local version
    version=$(jq .signed.version <<<"$doc")
    forge "$thief_seed" <<<"$doc" | serve "$(director "$version.targets.json")"
    jq -nc --argjson v "$stamp" --argjson t "$version" --arg e "$expires" --arg d "$(jq -r '.signed["x-device"]' <<<"$doc")" \
        '{signed: {_type: "snapshot", spec_version: "1.0.31", version: $v, expires: $e, "x-device": $d, meta: {"targets.json": {version: $t}}}}' |
        forge "$thief_seed" | serve "$(director "$stamp.snapshot.json")"
    jq -nc --argjson v "$stamp" --arg e "$expires" --arg d "$(jq -r '.signed["x-device"]' <<<"$doc")" \
        '{signed: {_type: "timestamp", spec_version: "1.0.31", version: $v, expires: $e, "x-device": $d, meta: {"snapshot.json": {version: $v}}}}' |
        forge "$thief_seed" | serve "$(director timestamp.json)"
}
# entry PATH [JQ]: what the offline roles signed about it, as a director repeats it
roles() { curl -sS "$URL$image/metadata/$(snapshot_name)" | jq -r '.signed.meta | to_entries[] | select(.key != "targets.json") | "\(.value.version).\(.key)"'; }
snapshot_name() { get timestamp.json | jq -r '.signed.meta["snapshot.json"].version | "\(.).snapshot.json"'; }
os_role() { get "$(roles | grep "os-$HWID")"; }
entry() {
    os_role | jq -c --arg p "$1" --arg ecu "$TARGET_DEVICE-main" --arg h "$HWID" \
        '{($p): (.signed.targets[$p] | {length, hashes, custom: {match: .custom.match, ecus: {($ecu): {hwid: $h}}, action: "install"}} '"${2:+| $2}"')}'
}
path_of() { printf 'os/%s/%s/%s.img' "$HWID" "$1" "$1"; } # VERSION
rename() { jq -c --arg a "$1" --arg b "$2" '{($b): .[$a]}'; } # FROM TO

# --- trying it -----------------------------------------------------------------------------------
assignment=1000
offer() { # PATH SHA: the stolen server's poll answer
    assignment=$((assignment + 1))
    printf '{"assignment":%d,"next_poll_s":1,"deployment":"%s","action":"install","targets":[{"path":"%s","sha256":"%s"}],"deltas":[],"conditions":{}}' \
        "$assignment" "$id" "$1" "$2" | serve /device/v1/poll
}
count_of() { sql "SELECT count(*) FROM report WHERE reason = '$1'"; }
reported() { [ "$(count_of "$1")" -gt "${2:-0}" ]; } # CODE [MORE THAN]
attacks=0
clear_rules() { # all but the second root
    find "$WORK/rules" -type f ! -name '*2.root.json.body' -delete
}
KEPT=metadata # files of the state that the next attacks shall not change
trusted() { # what the device goes by
    device_status "$NAME" | jq -c '[.metadata.root, .floor, .installed.sha256, .slots.a.boot, .slots.b.boot]'
    # shellcheck disable=SC2086
    (cd "$WORK/$NAME/state" && find $KEPT -type f | sort | xargs sha256sum)
}
# attack ID CODE PATH SHA WHAT: documents are in place; the poll offers PATH
attack() {
    local before kept
    before=$(count_of "$2")
    kept=$(trusted)
    offer "$3" "$4"
    until_true 30 "$1 $2 ($5)" device_refusal "$NAME" "$2"
    until_true 30 "$1 $2 in the server's record ($5)" reported "$2" "$before"
    device_runs "$NAME" "$V2" || fail "$1 $5: the device left v2"
    [ "$(trusted)" = "$kept" ] || fail "$1 $5: trusted $(trusted), was $kept"
    clear_rules
    attacks=$((attacks + 1))
    say "$1 refused $2: $5"
}
# unkept ID CODE ...: the same, and not even the director's documents were kept
unkept() {
    local KEPT="metadata director"
    attack "$@"
}
NAME=one TARGET_DEVICE=$ONE
cp "$WORK/one/state/director/timestamp.json" "$WORK/last-month.timestamp.json"
P3=$(path_of v3) P1=$(path_of v1)
second_root

say "the director's key is stolen"
direct "$(entry "$P3" | rename "$P3" "$(path_of v7)")"
attack T25 TARGET_NOT_IN_IMAGE_REPO "$(path_of v7)" "$V3" "an image that nobody signed offline"
direct "$(entry "$P3" ".hashes.sha256 = \"$V1\"")"
attack T26 DIRECTOR_IMAGE_MISMATCH "$P3" "$V3" "a signed path with another hash"
direct "$(entry "$P3" '.length += 1')"
attack T26 DIRECTOR_IMAGE_MISMATCH "$P3" "$V3" "a signed path with another length"
direct "$(entry "$P3" '.custom.match.release_counter = 99')"
attack T27 MATCH_SECTION_MISMATCH "$P3" "$V3" "another counter"
direct "$(entry "$P3" '.custom.match.hwids += ["other-board"]')"
attack T27 MATCH_SECTION_MISMATCH "$P3" "$V3" "more hardware"

direct "$(entry "$P1")"
attack T31 RELEASE_ROLLBACK "$P1" "$V1" "an older image"
direct "$(entry "$P1" '.custom.action = "downgrade"')"
attack T31 RELEASE_ROLLBACK "$P1" "$V1" "an older image, as a downgrade nobody offline agreed to"
direct "$(entry "$(path_of v0)" '.custom.action = "downgrade"')"
attack T31 BELOW_FLOOR "$(path_of v0)" "$V0" "a downgrade that was agreed to, below the floor"
direct "$(entry "$P3" ".custom.ecus[\$ecu].hwid = \"other-board\"")"
attack T30 HWID_MISMATCH "$P3" "$V3" "a part said to be other hardware"
direct "$(entry "$P3")" '.signed["x-device"] = "'"$(printf 'cd%.0s' $(seq 32))"'"'
unkept T32 WRONG_DEVICE "$P3" "$V3" "another device's document"
direct "$(entry "$P3")" '.signed.delegations = {keys: {}, roles: []}'
unkept T33 DIRECTOR_DELEGATION "$P3" "$V3" "a director that delegates"
direct "$(jq -sc add <(entry "$P3") <(entry "$P1"))"
unkept T33 ECU_DUPLICATE "$P3" "$V3" "one part twice"
direct "$(entry "$P3" '.custom.ecus = {"radio": .custom.ecus[$ecu]}')"
unkept T33 ECU_UNKNOWN "$P3" "$V3" "a part the device has not"
direct "$(entry "$P3")" '.signed["x-bundle-parts"] = 2'
unkept T35 BUNDLE_INCOMPLETE "$P3" "$V3" "a bundle with a part blocked"
direct "{}"
attack T35 NOT_DIRECTED "$P3" "$V3" "a part that the director did not list"
serve "$(director timestamp.json)" <"$WORK/last-month.timestamp.json"
unkept T34 TIMESTAMP_ROLLBACK "$P3" "$V3" "last month's empty list"
direct "{}" '.signed.version = 5'
unkept T34 TARGETS_ROLLBACK "$P3" "$V3" "last month's empty list under a new timestamp"

say "the image repository, with an app team and its key"
# The owners delegate app/* to a team, in earnest; what the team then writes is shown by the thief of
# snapshot and timestamp, for the server would not publish it (T58).
get 1.targets.json | jq -c --argjson key "$(key_of "$app_seed")" --arg k "$(keyid_of "$app_seed")" \
    '.signed.version = 2 | .signed.delegations.keys[$k] = $key |
     .signed.delegations.roles += [{name: "app-team", keyids: [$k], threshold: 1, paths: ["app/board/*/*/*"], terminating: true}]' |
    forge "$(seed_in ci/release.key)" >"$WORK/2.targets.json"
jq -nc --arg e "$(date -u -d '+30 days' +%FT%TZ)" '{signed: {_type: "targets", spec_version: "1.0.31", version: 1, expires: $e, targets: {}}}' |
    forge "$app_seed" >"$WORK/1.app-team.json"
jq -nc --rawfile t "$WORK/2.targets.json" --rawfile a "$WORK/1.app-team.json" \
    '{files: [], documents: [{repository: "image", role: "targets", text: $t}, {repository: "image", role: "app-team", text: $a}]}' |
    api POST /api/v1/repo/publications -H 'Content-Type: application/json' --data-binary @- >"$WORK/published" || fail "the app team: $(cat "$WORK/published")"
KEPT=director/root.json # what the thief of snapshot and timestamp signs is as good as genuine
lie() { # ROLE FILE: a repository whose newest ROLE is FILE
    local now
    now=$(($(date +%s%3N) + 1))
    [ -f "$WORK/lie.json" ] || curl -sS "$URL$image/metadata/$(snapshot_name)" >"$WORK/lie.json"
    jq -c --argjson v "$now" --arg r "$1.json" --argjson rv "$(jq .signed.version "$2")" '.signed.version = $v | .signed.meta[$r] = {version: $rv}' "$WORK/lie.json" |
        forge "$snapshot_seed" >"$WORK/lie.new"
    mv "$WORK/lie.new" "$WORK/lie.json"
    serve "$image/metadata/$now.snapshot.json" <"$WORK/lie.json"
    get timestamp.json | jq -c --argjson v "$now" '.signed.version = $v | .signed.meta["snapshot.json"] = {version: $v}' |
        forge "$timestamp_seed" | serve "$image/metadata/timestamp.json"
    serve "$image/metadata/$(jq .signed.version "$2").$1.json" <"$2"
}
next=100
role_with() { # SEED FILE PATH ENTRY: the role, signed by SEED, with one more target
    next=$((next + 1))
    jq -c --argjson v "$next" --arg p "$3" --argjson e "$4" '.signed.version = $v | .signed.targets[$p] = $e' "$2" | forge "$1"
}
entry_of() { # TYPE NAME HWID: an offline entry for v3's bytes
    jq -nc --arg t "$1" --arg n "$2" --arg h "$3" --arg s "$V3" \
        '{length: 100000, hashes: {sha256: $s}, custom: {type: $t, match: {name: $n, version: "9", hwids: [$h], release_counter: 9, security_epoch: 0}, payload: {format: "raw"}}}'
}
chosen() { # PATH ENTRY: the director repeats it
    jq -nc --arg p "$1" --argjson e "$2" --arg ecu "$TARGET_DEVICE-main" --arg h "$HWID" \
        '{($p): {length: $e.length, hashes: $e.hashes, custom: {match: $e.custom.match, ecus: {($ecu): {hwid: $h}}, action: "install"}}}'
}
P9=$(path_of v9) A9=app/board/player/9/v9.img W9=$(path_of w9)
role_with "$app_seed" "$WORK/1.app-team.json" "$P9" "$(entry_of os base-os "$HWID")" >"$WORK/app.json"
lie app-team "$WORK/app.json"
direct "$(chosen "$P9" "$(entry_of os base-os "$HWID")")"
attack T28 TARGET_NOT_IN_IMAGE_REPO "$P9" "$V3" "an app team lists an os image, outside its paths"
role_with "$app_seed" "$WORK/1.app-team.json" "$A9" "$(entry_of os player "$HWID")" >"$WORK/app.json"
lie app-team "$WORK/app.json"
direct "$(chosen "$A9" "$(entry_of os player "$HWID")")"
attack T29 TYPE_ROLE_MISMATCH "$A9" "$V3" "an app team signs an os inside its own path"
os_role >"$WORK/os.json"
role_with "$(seed_in ci/release.key)" "$WORK/os.json" "$W9" "$(entry_of os base-os other-board)" >"$WORK/os9.json"
lie "os-$HWID" "$WORK/os9.json"
direct "$(chosen "$W9" "$(entry_of os base-os other-board)")"
attack T30 HWID_MISMATCH "$W9" "$V3" "an image of other hardware, signed, and the director insists"

say "bytes, under honest documents: a device that has not met the thief"
device_provision two "$WORK/v2.img" "$PROXY"
device_start two
until_true 30 "the second device knows what it runs" device_runs two "$V2"
NAME=two TARGET_DEVICE=$(device_id two)
full="$image/targets/os/$HWID/v3/$V3.v3.img"
# bytes ID CODE WHAT: what is served instead of v3 is refused; the deployment is then aborted
bytes() {
    local deployment before
    before=$(count_of "$2")
    deployment=$(deploy_create v3 --phases 100% --failed-percent 100 --min-finished 1000)
    until_true 60 "$1 $2 in the server's record ($3)" reported "$2" "$before"
    until_true 30 "$1 $2 in the agent's status ($3)" device_refusal two "$2"
    until_true 30 "failed ($3)" deploy_device_is "$deployment" "$TARGET_DEVICE" failed
    device_runs two "$V2" || fail "$1 $3: the device left v2"
    [ -z "$(ls "$WORK/two/state/download")" ] || [ "$(stat -c %s "$WORK"/two/state/download/*.part)" = 0 ] || fail "$1 $3: the file was kept"
    slipway deploy abort "$deployment" >/dev/null || true
    clear_rules
    attacks=$((attacks + 1))
    say "$1 refused $2: $3"
}
cp "$WORK/v7.img" "$(rule "$full" body)"
bytes T36 TARGET_HASH "other bytes of the same length"
{ cat "$WORK/v3.img"; printf x; } >"$(rule "$full" body)"
bytes T37 TARGET_LENGTH "one byte more"
head -c 99999 "$WORK/v3.img" >"$(rule "$full" body)"
bytes T37 TARGET_LENGTH "one byte less"
echo 404 >"$(rule "$full" status)"
bytes T40 HTTP_STATUS "a mirror that does not have it"
cp "$WORK/v1.img" "$(rule "$full" body)"
bytes T40 TARGET_HASH "a mirror that serves another tenant's file"
! grep -q Authorization "$WORK/proxy.requests" || fail "T40: a token in the log"

# The first 40,000 bytes are right; what the server goes on with is not, in the same file, under the
# same name. Then once more from the start.
blob=$(find "$WORK/var/blobs" -type f -name "*${V3:2}*" -o -type f -name "$V3*" | head -n 1)
[ -n "$blob" ] || fail "T39: no blob of v3"
cp "$WORK/v7.img" "$blob"
cp "$WORK/v3.img" "$(rule "$full" once)"
echo 40000 >"$(rule "$full" cut)"
: >"$WORK/proxy.requests"
bytes T39 TARGET_HASH "a file exchanged while its download was interrupted"
[ "$(grep -c "GET $full 206 60000" "$WORK/proxy.requests")" = 1 ] || fail "T39: no resumed request: $(cat "$WORK/proxy.requests")"
[ "$(grep -c "GET $full 200 100000" "$WORK/proxy.requests")" = 1 ] || fail "T39: not once from the start: $(cat "$WORK/proxy.requests")"
cp "$WORK/v3.img" "$blob"

say "patches under the stolen director key: refused, then the whole image arrives"
HEADER=192 # bytes of a patch, as lib/delta/format.h draws it; the pokes below are at its offsets
hex_of() { printf '%s' "$1" | sed 's/../\\x&/g'; }
poke() { printf "$(hex_of "$2")" | dd of="$1" bs=1 seek="$3" conv=notrunc status=none; } # FILE HEX OFFSET
# patch ID CODE FROM TO FILE WHAT: FILE is what the director names as the patch to vTO
patch() {
    local before deployment header to=V$4 from=V$3
    before=$(count_of "$2")
    header=$(head -c $HEADER "$5" | sha256sum | cut -d' ' -f1)
    cp "$5" "$(rule "$image/deltas/evil" body)"
    direct "$(entry "$(path_of "v$4")" ".custom.delta = {path: \"deltas/evil\", length: $(stat -c %s "$5"), header_length: $HEADER, header_sha256: \"$header\",
        from: {sha256: \"${!from}\", length: 100000}, mem: 1000000}")"
    [ -z "${7:-}" ] || poke "$(rule "$image/deltas/evil" body)" "$7" 300
    deployment=$(deploy_create "v$4" --phases 100%)
    until_true 60 "$1 v$4 arrives ($6)" device_runs two "${!to}"
    until_true 30 "$1 the device has succeeded ($6)" deploy_device_is "$deployment" "$TARGET_DEVICE" succeeded
    slipway deploy abort "$deployment" >/dev/null || true # the first device cannot follow any more
    reported "$2" "$before" || fail "$1 $6: not reported as $2: $(sql "SELECT reason || detail FROM report ORDER BY received_at DESC LIMIT 5")"
    grep -q 'GET /t/default/image/deltas/evil' "$WORK/proxy.requests" || fail "$1 $6: the patch was not asked for"
    clear_rules
    attacks=$((attacks + 1))
    say "$1 refused $2: $6; then the image"
}
second_root
for v in 4 5 6 7; do solo_publish "v$v" "$((v + 1))" "$WORK/v$v.img"; done
deltagen diff "$WORK/v1.img" "$WORK/v4.img" "$WORK/base.patch" >/dev/null
patch T48 DELTA_BASE 2 4 "$WORK/base.patch" "a patch from another image"
deltagen diff "$WORK/v4.img" "$WORK/v5.img" "$WORK/bomb.patch" >/dev/null
for at in 32 56; do poke "$WORK/bomb.patch" 0000000000010000 $at; done # image and space of 2^40 bytes
patch T48 DELTA_LIMIT 4 5 "$WORK/bomb.patch" "a patch that unpacks to a terabyte"
deltagen diff "$WORK/v5.img" "$WORK/v7.img" "$WORK/other.patch" >/dev/null
poke "$WORK/other.patch" "$V6" 128
patch T48 DELTA_RESULT_HASH 5 6 "$WORK/other.patch" "a patch that gives other bytes"
deltagen diff "$WORK/v6.img" "$WORK/v7.img" "$WORK/good.patch" >/dev/null
patch T48 DELTA_FILE_HASH 6 7 "$WORK/good.patch" "a patch whose body is not the header's" ff
[ "$attacks" = 30 ] || fail "only $attacks attacks were tried"
say "$attacks attacks refused, each with its own code"
