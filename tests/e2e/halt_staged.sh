#!/usr/bin/env bash
# A whole fleet has staged a release when it turns out to be bad: of 500 devices a handful is ever
# allowed to switch, and none of the others does, whatever they have on their disks. A freeze holds
# all of them until then.
. "$(dirname "$0")/support.sh" "$1"
COUNT=500
[ "$SLOW" = 1 ] || COUNT=200
server_start
fleet_start
slipway group set "$GROUP" --poll-interval 2 >/dev/null
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --fail v2=100 --seed 5 --connections 100
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
sql "INSERT INTO freeze_window (tenant_id, starts_at, ends_at, reason) SELECT id, now() - interval '1 h', now() + interval '1 h', 'the story' FROM tenant" >/dev/null
id=$(deploy_create v2 --phases 100%)
staged() { [ "$(deploy_field "$id" .counts.staged)" = "$1" ]; }
until_true 120 "all have staged it" staged $COUNT
[ "$(deploy_field "$id" .touched)" = 0 ] || fail "the freeze did not hold: $(deploy_field "$id" .touched)"
sql "UPDATE freeze_window SET removed_at = now()" >/dev/null
until_true 60 "the gate halts it" deploy_is "$id" halted
[ "$(deploy_field "$id" .halt.gate)" = install ] || fail "by another gate: $(deploy_field "$id" .halt)"
touched=$(deploy_field "$id" .touched)
[ "$touched" -ge 3 ] && [ "$touched" -le 6 ] || fail "$touched devices were allowed to switch"
before=$(sql "SELECT sum(sent) FROM (SELECT count(*) AS sent FROM report) r")
sleep 6 # three polls of everybody
[ "$(deploy_field "$id" .counts.staged)" = $((COUNT - touched)) ] || fail "staged: $(deploy_field "$id" .counts)"
[ "$(deploy_field "$id" .touched)" = "$touched" ] || fail "one more was touched"
runs "$(sha "$WORK/v1.img")" $COUNT || fail "not all run v1"
say "$((COUNT - touched)) devices have it on their disks, $touched were ever allowed to start it ($before reports)"
