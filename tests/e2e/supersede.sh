#!/usr/bin/env bash
# A hotfix takes the place of a release that a whole fleet has staged: who switched already goes on
# to the hotfix, who only fetched is given it instead and never starts what it fetched, and one
# statement does both. Between them the fleet waits for a person, and a freeze holds it.
. "$(dirname "$0")/support.sh" "$1"
COUNT=60
server_start
fleet_start
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
image_edit "$WORK/v1.img" "$WORK/v3.img" 3 0
release_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5 --connections 60
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
release_publish v3 3 "$WORK/v3.img"

id=$(deploy_create v2 --phases 5:hold,100%)
succeeded() { [ "$(deploy_field "$1" .counts.succeeded)" = "$2" ]; }
until_true 60 "five devices run v2" succeeded "$id" 5
sleep 2 # it would go on now, if it went on by itself
[ "$(deploy_field "$id" .phase)" = 1 ] || fail "a phase that waits for a person went on alone"
sql "INSERT INTO freeze_window (tenant_id, starts_at, ends_at, reason) SELECT id, now() - interval '1 h', now() + interval '1 h', 'the story' FROM tenant" >/dev/null
slipway deploy advance "$id" --phase 1 >/dev/null
staged() { [ "$(deploy_field "$1" .counts.staged)" = "$2" ]; }
until_true 60 "all others have staged v2" staged "$id" $((COUNT - 5))

if slipway deploy create --group "$GROUP" --release v3 --phases 100% >"$WORK/refused" 2>&1; then fail "two at a time"; fi
grep -q "unfinished deployment, $id" "$WORK/refused" || fail "not for the unfinished one: $(cat "$WORK/refused")"
fix=$(deploy_create v3 --phases 100% --supersede)
deploy_is "$id" aborted || fail "v2 is $(deploy_field "$id" .state)"
[ "$(deploy_field "$id" .superseded_by)" = "$fix" ] || fail "not by the hotfix"
until_true 60 "all have staged the hotfix" staged "$fix" $COUNT
sql "UPDATE freeze_window SET removed_at = now()" >/dev/null
until_true 120 "the hotfix finishes" deploy_is "$fix" finished
runs "$(sha "$WORK/v3.img")" $COUNT || fail "not all run v3"
[ "$(deploy_field "$id" .touched)" = 5 ] || fail "$(deploy_field "$id" .touched) devices were allowed to start v2"
[ "$(deploy_field "$id" .counts.cancelled)" = $((COUNT - 5)) ] || fail "counters of v2: $(deploy_field "$id" .counts)"
[ "$(deploy_field "$fix" .counts.succeeded)" = $COUNT ] || fail "counters of v3: $(deploy_field "$fix" .counts)"
say "5 devices ran v2, $((COUNT - 5)) had it on their disks and never started it; all $COUNT run the hotfix"
