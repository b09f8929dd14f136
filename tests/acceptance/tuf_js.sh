#!/usr/bin/env bash
# tuf-js, unmodified, is the judge: it accepts our image repository and a device's director
# repository, follows 120 root rotations, finds targets among 10,000 quickly, and refuses what it
# should. The checker is given from outside the tree; without it, or without npm's registry, this is
# skipped.
. "$(dirname "$0")/../e2e/support.sh" "$1"
CHECKER=${SLIPWAY_SHARED:-../shared}/acceptance/tuf-js-verify
[ -f "$CHECKER/verify.mjs" ] || skip "there is no $CHECKER"
command -v npm >/dev/null || skip "npm is not installed"
ROTATIONS=120 MANY=10000 BITS=8

cp -r "$CHECKER" "$WORK/checker"
(cd "$WORK/checker" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund >"$WORK/npm.log" 2>&1) ||
    skip "npm's registry does not answer: $(tail -n 1 "$WORK/npm.log")"

# judge WANTED METADATA_URL TARGETS_URL ROOT TARGET [options]: WANTED is VERIFIED or REFUSED
judge() {
    local wanted=$1 said
    shift
    said=$(node "$WORK/checker/verify.mjs" "$@") || true
    [ "${said%% *}" = "$wanted" ] || fail "tuf-js was to say $wanted but said: $said"
    say "tuf-js: $said"
}
META=
judge_image() { judge "$1" "$META" "$URL/t/default/image/targets" "$WORK/1.root.json" "${@:2}"; }

server_start
slipway init --profile solo --product board --hwid "$HWID" --component base-os --keys "$WORK/keys" --yes >"$WORK/init.log"
GROUP=board/production
slipway group set "$GROUP" --poll-interval 1 >/dev/null
META=$URL/t/default/image/metadata
curl -sSf "$META/1.root.json" -o "$WORK/1.root.json"
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
publish() { slipway release publish "$WORK/$1.img" --keys "$WORK/keys" --product board --version "$1" --counter "$2" --yes >/dev/null; }
publish v1 1
publish v2 2

say "the image repository"
judge_image VERIFIED "os/$HWID/v2/v2.img" --sha256 "$(sha "$WORK/v2.img")" --expect "$WORK/v2.img" --state "$WORK/state"
judge_image VERIFIED trust/director-root.json
judge_image REFUSED "os/$HWID/v3/v3.img"
judge_image REFUSED - --refresh-only --now "$(date -u -d '+3 days' +%FT%TZ)"

say "a device's director repository"
device_provision one "$WORK/v1.img"
device_start one
deploy=$(deploy_create v2 --phases 100%)
until_true 60 "the device runs v2" device_runs one "$(sha "$WORK/v2.img")"
until_true 30 "the deployment finished" deploy_is "$deploy" finished
session=$(device-session "$WORK/one/state" "$URL")
# tuf-js cannot send a device's token: a proxy adds it.
background auth node tests/acceptance/auth-proxy.mjs "$URL" "$session" "$WORK/auth.port"
until_true 10 "the proxy listens" test -s "$WORK/auth.port"
DIRECTOR=http://127.0.0.1:$(cat "$WORK/auth.port")/t/default/director/$(device_id one)/metadata
curl -sSf "$DIRECTOR/1.root.json" -o "$WORK/director.root.json"
judge VERIFIED "$DIRECTOR" "$URL/t/default/image/targets" "$WORK/director.root.json" "os/$HWID/v2/v2.img" \
    --sha256 "$(sha "$WORK/v2.img")"
judge REFUSED "$DIRECTOR" "$URL/t/default/image/targets" "$WORK/director.root.json" "os/$HWID/v1/v1.img"
judge REFUSED "$DIRECTOR" "$URL/t/default/image/targets" "$WORK/1.root.json" - --refresh-only # other keys

say "manipulations"
proxy_start
META_REAL=$META META=$PROXY/t/default/image/metadata
rule() { cp "$2" "$WORK/rules/$(rule_name "/t/default/image/$1").body"; }
image_make "$WORK/other.img" 100000 9 0
rule "targets/os/$HWID/v2/$(sha "$WORK/v2.img").v2.img" "$WORK/other.img"
judge REFUSED "$META" "$PROXY/t/default/image/targets" "$WORK/1.root.json" "os/$HWID/v2/v2.img"
rm "$WORK/rules/"*
# A client that has seen the newest snapshot is given the one before, with its own timestamp.
old=$(curl -sSf "$META_REAL/timestamp.json" | tee "$WORK/old.timestamp" | jq '.signed.meta["snapshot.json"].version')
curl -sSf "$META_REAL/$old.snapshot.json" -o "$WORK/old.snapshot"
image_make "$WORK/v3.img" 100000 3 0
publish v3 3
judge_image VERIFIED "os/$HWID/v3/v3.img" --state "$WORK/state"
rule metadata/timestamp.json "$WORK/old.timestamp"
judge_image REFUSED - --refresh-only --state "$WORK/state"
# A newer timestamp beside the older snapshot is refused as well.
new=$(curl -sSf "$META_REAL/timestamp.json" | jq '.signed.meta["snapshot.json"].version')
rm "$WORK/rules/"*
rule "metadata/$new.snapshot.json" "$WORK/old.snapshot"
judge_image REFUSED - --refresh-only
rm "$WORK/rules/"*
META=$META_REAL

say "$ROTATIONS root rotations"
for _ in $(seq $ROTATIONS); do
    slipway keys rotate --role root --keys "$WORK/keys" --yes >/dev/null
done
[ "$(slipway repo status --json | jq '.root.version')" = $((ROTATIONS + 1)) ] || fail "not $ROTATIONS rotations"
judge_image VERIFIED "os/$HWID/v3/v3.img"

say "$MANY targets over $((1 << BITS)) bins"
version=$(slipway repo status --json | jq --arg r "os-$HWID" '.roles[] | select(.role == $r) | .version + 1')
node tests/acceptance/many-targets.mjs "os-$HWID" "$HWID" $MANY $BITS "$WORK/keys/ci/release" "$version" >"$WORK/many.json"
api POST /api/v1/repo/publications -H 'Content-Type: application/json' --data-binary "@$WORK/many.json" >/dev/null
# The client has walked the roots before, as one that looks something up has.
judge_image VERIFIED - --refresh-only --state "$WORK/many"
began=$(date +%s%N)
judge_image VERIFIED - --refresh-only --state "$WORK/many"
middle=$(date +%s%N)
said=$(node "$WORK/checker/verify.mjs" "$META" "$URL/t/default/image/targets" "$WORK/1.root.json" \
    "os/$HWID/7777/rootfs.img" --state "$WORK/many") || true
ended=$(date +%s%N)
# The file itself was never uploaded: the look-up succeeded when the download is what fails.
case $said in *"404"* | *ownload*) ;; *) fail "the look-up among $MANY failed: $said" ;; esac
lookup_ms=$(((ended - middle) / 1000000))
[ "$lookup_ms" -lt $((1000 * SLOW)) ] || fail "the look-up took $lookup_ms ms"
say "refresh alone $(((middle - began) / 1000000)) ms, with a look-up among $MANY targets $lookup_ms ms"
