#!/usr/bin/env bash
# Bytes and concurrency are the operator's: over a while a fleet that wants more is given what
# the budget says within five parts in a hundred, and never more devices fetch than may.
. "$(dirname "$0")/support.sh" "$1"
COUNT=700
RATE=10 # devices a second
SIZE=16384
server_start
fleet_start
image_make "$WORK/v1.img" $SIZE 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5 --connections 200
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100% --failed-percent 100 --min-finished 1000 --delta-policy full \
    --bytes-per-hour $((SIZE * RATE * 3600)) --concurrency 60)
granted() { sql "SELECT coalesce(sum(granted_bytes), 0) FROM deployment_device"; }
begun() { [ "$(granted)" -gt 0 ]; }
until_true 30 "it began" begun
sleep 3 # what had filled up before is spent
bucket() { sql "SELECT sum(bytes) FROM group_budget"; } # what was not asked for stays in it
from=$(($(granted) + $(bucket))) given=$(granted) since=$(date +%s%N) most=0
while [ $(($(date +%s%N) - since)) -lt 20000000000 ]; do
    fetching=$(sql "SELECT count(*) FROM deployment_device WHERE state IN ('offered', 'downloading')")
    [ "$fetching" -le "$most" ] || most=$fetching
    sleep 0.5
done
to=$(($(granted) + $(bucket))) until=$(date +%s%N)
share() { echo $(($1 * 100 * 1000000 / (SIZE * RATE) / ((until - since) / 1000))); } # BYTES: in percent of the budget
percent=$(share $((to - from)))
[ "$percent" -ge 95 ] && [ "$percent" -le 105 ] || fail "$percent % of the budget"
[ "$(share $(($(granted) - given)))" -le 105 ] || fail "more than the budget was given: $(share $(($(granted) - given))) %"
[ "$most" -le 60 ] || fail "$most devices fetched at the same time"
say "$percent % of the budget in 20 s; at most $most devices fetched at once"
