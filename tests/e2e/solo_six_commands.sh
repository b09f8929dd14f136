#!/usr/bin/env bash
# A new user, alone: from a running server to a signed release on devices in six commands, which
# are counted. Nothing is prepared but the image file.
. "$(dirname "$0")/support.sh" "$1"
lines=$(cat <<'C'
slipway init --profile solo --product camera --hwid cam-v1 --component base-os
slipway release publish rootfs.img --version 1.0
slipway group set camera/production --poll-interval 2
slipway deploy create --group camera/production --release 1.0 --phases 100%
slipway claim new --group camera/production --count 5 --json | jq -r .token >claim
slipway fleet simulate --claim "$(cat claim)" --count 5 --hwid cam-v1 --root keys/root.json --until-idle
C
)
[ "$(grep -o '\bslipway ' <<<"$lines" | wc -l)" -le 6 ] || fail "more than six commands"
server_start
cd "$WORK"
image_make rootfs.img 200000 1 0
began=$SECONDS
while read -r line; do
    say "\$ $line"
    bash -euo pipefail -c "$line" >said 2>&1 </dev/null || fail "failed: $line: $(cat said)"
done <<<"$lines"
[ $((SECONDS - began)) -lt 300 ] || fail "it took $((SECONDS - began)) s"

say "the release is signed, offline, and devices run it"
slipway repo verify "$URL/t/default" keys/root.json --json >said || fail "verify: $(cat said)"
[ "$(jq -r '.roles[] | select(.role == "os-cam-v1") | .targets' said)" = 1 ] || fail "not in its role: $(cat said)"
[ -z "$(grep -rl 'slipway-ed25519-seed' var 2>/dev/null)" ] || fail "an offline key reached the server"
id=$(slipway deploy list --json | jq -r '.items[0].id')
until_true 20 "five devices succeeded" eval '[ "$(deploy_field "$id" .counts.succeeded)" = 5 ]'

say "everything is scriptable: JSON on standard output, nothing asked"
slipway release publish rootfs.img --version 1.0 --name again --json >said </dev/null || fail "$(cat said)"
jq -e '.state == "published" and .release.name == "again"' said >/dev/null || fail "$(cat said)"
image_edit rootfs.img second.img 2 0
slipway release publish second.img --version 1.1 --json >said </dev/null
jq -e '.targets[0].counter == 2' said >/dev/null || fail "the counter did not go on by itself: $(cat said)"
slipway repo pull --out published --json >/dev/null
image_edit rootfs.img third.img 3 0
slipway sign request release --state published --version 1.2 --out request.json --json third.img >/dev/null </dev/null
jq -e '.documents[0].signed | fromjson | .targets["os/cam-v1/1.1/second.img"].custom.revert_to == [1]' request.json >/dev/null ||
    fail "the way back to what runs now was not signed"
slipway sign renew --json </dev/null | jq -e '.state == "nothing"' >/dev/null || fail "something was due"
slipway sign renew --all --json </dev/null | jq -e '.state == "published" and (.documents | length) == 4' >/dev/null || fail "not all renewed"
keyid() { slipway repo status --json | jq -r --arg r "$1" '.roles[] | select(.repository == "image" and .role == $r) | .keyids[0]'; }
before="$(keyid snapshot) $(keyid timestamp)"
for role in root director-root targets os-cam-v1 snapshot timestamp director time; do
    slipway keys rotate --role "$role" --json </dev/null | jq -e '.state == "published"' >/dev/null || fail "rotation of $role"
done
[ "$(keyid snapshot)" != "${before% *}" ] && [ "$(keyid timestamp)" != "${before#* }" ] || fail "the online keys are the old ones"
slipway repo verify "$URL/t/default" keys/root.json >/dev/null || fail "what the new online keys signed does not verify"
slipway sign trust --tls-pin "$(printf '%064d' 7)" --json </dev/null | jq -e '.state == "published"' >/dev/null || fail "anchors"
slipway repo verify "$URL/t/default" keys/root.json >/dev/null || fail "what was rotated does not verify"

say "the calendar: what expires within 7 days fails --strict, and one sitting puts it right"
slipway repo status --strict >/dev/null || fail "strict without a reason"
slipway sign renew --all --expires-days 5 >/dev/null
status=0
slipway repo status --strict >said || status=$?
[ "$status" = 1 ] && grep -q '7!' said || fail "status $status: $(cat said)"
slipway repo status >/dev/null || fail "without --strict it only tells"
[ "$(slipway sign renew --json </dev/null | jq '.documents | length')" = 4 ] || fail "not every role that is due was renewed"
slipway repo status --strict >/dev/null || fail "still: $(slipway repo status)"
