#!/usr/bin/env bash
# What happens is told at least once and never lost: to people by the stream, which is resumed by
# number, and to a webhook, whose server is killed between the commit and the delivery.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start

# --- a receiver, and a webhook to it
background receiver webhook-receiver "$WORK/port" "$WORK/hooks" "$WORK/secret"
until_true 10 "the receiver listens" test -s "$WORK/port"
slipway webhook add "http://127.0.0.1:$(cat "$WORK/port")/x" --event 'deployment.*' --event issue.new --json >"$WORK/hook.json"
jq -r .secret "$WORK/hook.json" | tr -d '\n' >"$WORK/secret"
hook=$(jq -r .id "$WORK/hook.json")
slipway webhook test "$hook" >/dev/null || fail "the test was not delivered: $(slipway webhook deliveries "$hook")"
grep -q ' webhook.test good$' "$WORK/hooks" || fail "the test's signature: $(cat "$WORK/hooks")"

# --- the stream, live
notice() { sql "SELECT slipway_notice(t.id, '$1', jsonb_build_object('release', '$2')) FROM tenant t WHERE t.name = 'default'" >/dev/null; }
background stream slipway events --json
sql "SELECT 1 FROM tenant WHERE name = 'default'" | grep -q 1 || sql "SELECT name FROM tenant"
live() { notice device.silent probe; grep -q '"probe"' "$WORK/stream.log"; }
until_true 20 "the stream shows what happens" live
delivered() { [ "$(grep -c " $1 good\$" "$WORK/hooks")" -ge "$2" ]; }
for n in 1 2 3; do notice deployment.paused "v$n"; done
until_true 20 "three deliveries" delivered deployment.paused 3

# --- killed between the commit and the delivery, while the receiver refuses
touch "$WORK/hooks.refuse"
for n in 4 5 6; do notice issue.new "v$n"; done
refused() { grep -q ' issue.new refused$' "$WORK/hooks"; }
until_true 20 "a try was made" refused
notice deployment.halted v7
server_kill
rm "$WORK/hooks.refuse"
server_start
# What had failed waits for its next try; nobody waits that long here.
sql "UPDATE webhook_delivery SET next_at = now() WHERE state = 'queued'"
until_true 40 "what was committed before is delivered" delivered deployment.halted 1
until_true 40 "what was refused is delivered" delivered issue.new 3
[ "$(sql "SELECT count(*) FROM webhook_delivery WHERE state <> 'delivered'")" = 0 ] || fail "$(slipway webhook deliveries "$hook")"
! grep -q ' bad$' "$WORK/hooks" || fail "a signature is wrong: $(cat "$WORK/hooks")"

# --- the stream went on by itself, and another one goes on from any number
seen() { [ "$(grep -c '"event":"deployment.halted"' "$WORK/stream.log")" = 1 ]; }
until_true 30 "the stream goes on after the restart" seen
until_true 10 "every issue once" test "$(grep -c '"event":"issue.new"' "$WORK/stream.log")" = 3
ids=$(jq -r .id "$WORK/stream.log" 2>/dev/null | sort -n | uniq -d)
[ -z "$ids" ] || fail "the stream repeated $ids"
first=$(jq -r 'select(.object.release == "v1") | .id' "$WORK/stream.log")
again=$(slipway events --after "$first" --count 6 --json | jq -r '.object.release' | tr '\n' ' ')
[ "$again" = "v2 v3 v4 v5 v6 v7 " ] || fail "after $first came: $again"

# --- a deployment's own words
image_make "$WORK/v1.img" 20000 1 0
release_publish v1 1 "$WORK/v1.img"
id=$(deploy_create v1 --phases 100%)
slipway deploy pause "$id" >/dev/null
said() { jq -r 'select(.object.deployment == "'"$id"'") | .event' "$WORK/stream.log" 2>/dev/null | grep -q '^deployment.paused$'; }
until_true 20 "the pause is in the stream" said

# --- a dead one is sent again, under its id
slipway webhook remove "$hook" >/dev/null
[ "$(slipway webhook list --json | jq '.items | length')" = 0 ] || fail "it is still there"
say "every event once in the stream and at least once at the webhook, over a kill -9"
