#!/usr/bin/env bash
# A team's keys in five hands: nobody signs alone, nobody signs blind, nothing is published before
# its threshold. Two of the machines have no server in reach; one key lives in a token.
. "$(dirname "$0")/support.sh" "$1"
MODULE=/usr/lib/softhsm/libsofthsm2.so
[ -e "$MODULE" ] || skip "SoftHSM is not installed"
# offline FOLDER COMMAND...: a machine with no network: no server is known there, none is reachable
offline() {
    local dir=$1
    shift
    (cd "$dir" && env -u SLIPWAY_DEV_DIR -u SLIPWAY_TOKEN SLIPWAY_URL=http://127.0.0.1:1 \
        XDG_CONFIG_HOME="$dir" "$BUILD/slipway" "$@" </dev/null)
}
# refused WORDS COMMAND...: ends with 1 and says why
refused() {
    local words=$1 status=0
    shift
    "$@" >"$WORK/said" 2>&1 || status=$?
    [ "$status" = 1 ] || fail "$*: status $status: $(cat "$WORK/said")"
    grep -qF -- "$words" "$WORK/said" || fail "$*: no '$words' in: $(cat "$WORK/said")"
}
# says WORDS COMMAND...: succeeds, and its output has the words
says() {
    local words=$1
    shift
    "$@" >"$WORK/said" 2>&1 || fail "$*: $(cat "$WORK/said")"
    grep -qF -- "$words" "$WORK/said" || fail "$*: no '$words' in: $(cat "$WORK/said")"
}
version_of() { slipway repo status --json | jq -r --arg r "$1" --arg p "${2:-image}" '.roles[] | select(.role == $r and .repository == $p) | .version'; }
state_of() { slipway repo requests "$1" --json | jq -r .state; }

server_start
cd "$WORK"
say "a team: one command makes the keys and publishes the first documents"
slipway init --profile team --product camera --hwid cam-v1 --component base-os >said
grep -q 'root-1' said && grep -q 'human' said || fail "init said: $(cat said)"
[ "$(find keys -name '*.key' | wc -l)" = 11 ] || fail "a team has 11 keys: $(find keys -name '*.key')"
[ -z "$(find keys -name '*.key' -perm /077)" ] || fail "others may read a key"
refused 'has keys already' slipway init --profile team --product camera --hwid cam-v1 --component base-os --keys other
[ ! -e other ] || fail "the refused init made keys"

slipway token new --name erin --role approver --json | jq -r .token >erin.token # before there is anything to approve

say "each folder goes to its owner; the desk keeps none"
mkdir alice bob carol dave
mv keys/root-1 alice/keys && mv keys/root-2 bob/keys && mv keys/root-3 carol/keys && mv keys/human dave/keys
mv keys/ci ci
[ -z "$(find keys -name '*.key')" ] || fail "a key stayed on the desk"

say "a release: the build machine signs and leaves a request for the human"
image_make rootfs.img 200000 1 0
slipway release publish rootfs.img --version 1.0 --keys ci --json >said
[ "$(jq -r .state said)" = request ] || fail "one of two signatures published: $(cat said)"
id=$(jq -r .request said)
[ "$(version_of os-cam-v1)" = 1 ] || fail "something was published"
says "$id" slipway repo requests
says 'not complete' slipway repo requests "$id" --out dave/release.json

say "the human's machine shows what it computed itself, and signs"
refused 'nobody can be asked' offline dave sign bundle release.json --out answer.json
offline dave sign bundle release.json --yes --out answer.json >said
grep -q '+ os/cam-v1/1.0/rootfs.img: base-os 1.0, counter 1' said || fail "no difference: $(cat said)"
refused 'none of the keys' offline alice sign bundle ../dave/release.json --yes --out answer.json

say "bundles that were changed on the way"
cd dave
jq '.documents[0].summary = ["nothing of note"]' release.json >lie.json
offline . sign bundle lie.json --yes --out lie-answer.json >said
grep -q 'counter 1' said || fail "the lie was believed"
jq -c '.documents[0].signed |= sub("\"release_counter\":1"; "\"release_counter\":9")' release.json >changed.json
refused 'another hash' offline . sign bundle changed.json --yes --out x.json
jq -c '.documents[0] |= (.signed |= sub("\"_type\":"; "\"Secret\":1,\"_type\":"))' release.json |
    jq -c --arg sum x '.' >hidden.json
signed=$(jq -j '.documents[0].signed' hidden.json | sha256sum | cut -d' ' -f1)
jq -c --arg s "$signed" '.documents[0].sha256 = $s' hidden.json >hidden2.json
refused 'cannot be shown completely' offline . sign bundle hidden2.json --yes --out x.json
jq -c '.context.image.roots = []' release.json >rootless.json
refused 'not made for the root' offline . sign bundle rootless.json --yes --out x.json
[ ! -e x.json ] || fail "a refused bundle was signed"
cd ..

say "a wrong signature is refused by name, and changes nothing"
jq -c '.documents[0].signatures[0].sig |= (if startswith("0") then "1" else "0" end) + .[1:]' dave/answer.json >wrong.json
refused 'os-cam-v1' slipway repo respond "$id" wrong.json
[ "$(state_of "$id")" = open ] || fail "the request is $(state_of "$id")"
says published slipway repo respond "$id" dave/answer.json
[ "$(version_of os-cam-v1)" = 2 ] || fail "the release was not published"
refused '' slipway repo respond "$id" dave/answer.json
slipway release publish rootfs.img --version 1.0 --keys ci >said
grep -q 'release 1.0 of camera' said || fail "the same command did not go on: $(cat said)"
[ "$(slipway release list --json | jq -r '.items[0].name')" = 1.0 ] || fail "no release"

say "carol's root key moves into a token: signed by two old keys, and approved by a second person"
export SOFTHSM2_CONF=$WORK/softhsm.conf
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:fast_unwind_on_malloc=0 # SoftHSM's own leaks are known by whole stacks only
mkdir tokens && echo "directories.tokendir = $WORK/tokens" >softhsm.conf
softhsm2-util --init-token --free --label carol --so-pin 4321 --pin 1234 >/dev/null
printf '1234\n' >pin && chmod 600 pin
slipway keys new --dir carol-token --pkcs11 "$MODULE" --token carol --pin-file pin root >/dev/null
[ ! -e carol-token/root.key ] || fail "the secret half left the token"
old=$(jq -r .keyid carol/keys/root.pub)
slipway sign request rotate --role root --remove "$old" --add carol-token/root.pub --out rotate.json >said
grep -q -- "- root: key ${old:0:16}" said || fail "the difference: $(cat said)"
id=$(slipway repo request rotate.json --json | jq -r .id)
offline alice sign bundle ../rotate.json --yes --out alice.json >/dev/null
says open slipway repo respond "$id" alice/alice.json
offline bob sign bundle ../rotate.json --yes --out bob.json >/dev/null
slipway repo respond "$id" bob/bob.json >said
grep -q awaiting-approval said || fail "a change of keys did not wait: $(cat said)"
[ "$(version_of root)" = 1 ] || fail "it was published without a second person"
refused FOUR_EYES slipway repo approve "$id"
slipway repo approve "$id" --token-file erin.token >/dev/null
[ "$(version_of root)" = 2 ] || fail "the approved root was not published"

say "a year later: one request renews every offline role; the token signs along"
slipway sign request renew --all --out renew.json >/dev/null
[ "$(jq '.documents | length' renew.json)" = 4 ] || fail "renewed: $(jq -c '[.documents[].role]' renew.json)"
id=$(slipway repo request renew.json --json | jq -r .id)
for who in alice bob dave; do
    offline "$who" sign bundle ../renew.json --yes --out renew.json >/dev/null
    slipway repo respond "$id" "$who/renew.json" >said
done
grep -q open said || fail "published without the build machine: $(cat said)"
slipway sign bundle renew.json --keys ci --yes --out ci.json >/dev/null
says published slipway repo respond "$id" ci.json
[ "$(version_of root) $(version_of root director) $(version_of targets) $(version_of os-cam-v1)" = "3 2 2 3" ] || fail "versions"
slipway sign request root --out third.json >/dev/null
slipway sign bundle third.json --root keys/root.json --pkcs11 "$MODULE" --token carol --pin-file pin --yes --out token.json >/dev/null
offline alice sign bundle ../third.json --yes --out third.json >/dev/null
id=$(slipway repo request third.json --json | jq -r .id)
slipway repo respond "$id" token.json >/dev/null
says published slipway repo respond "$id" alice/third.json
[ "$(version_of root)" = 4 ] || fail "root is $(version_of root)"

say "a request that is given up takes no more signatures"
slipway sign request renew --role targets --out given-up.json >/dev/null
id=$(slipway repo request given-up.json --json | jq -r .id)
says withdrawn slipway repo withdraw "$id"
offline alice sign bundle ../given-up.json --yes --out given-up.json >/dev/null
refused '' slipway repo respond "$id" alice/given-up.json

say "from outside, with the first root alone"
slipway repo verify "$URL/t/default" keys/root.json >said
grep -q 'a chain of 4 roots' said || fail "verify said: $(cat said)"
refused ROOT_VERSION slipway repo verify "$URL/t/default" <(jq -c '.signed.version = 1' keys/director-root.json)
slipway repo status --strict >said || fail "status is strict about nothing"
grep -q '2 of 3' said && grep -q 'thief' said || fail "status said: $(cat said)"
