#!/usr/bin/env bash
# A canary, then the fleet: three devices by number, a tenth, everybody, under the gates that hold
# when nothing is set. The first three alone decide whether more may switch; the cap goes when the
# evidence is good, and every number adds up.
. "$(dirname "$0")/support.sh" "$1"
COUNT=160
server_start
fleet_start
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5 --connections 100
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 3,10%:1s,100%)
until_true 120 "v2 finishes" deploy_is "$id" finished
[ "$(deploy_field "$id" .counts.succeeded)" = $COUNT ] || fail "counters: $(deploy_field "$id" .counts)"
[ "$(deploy_field "$id" '.phases[0].counts | add')" = 3 ] || fail "the canary: $(deploy_field "$id" '.phases[0]')"
[ "$(deploy_field "$id" .touched)" = $COUNT ] || fail "touched: $(deploy_field "$id" .touched)"
order=$(sql "SELECT bool_and(a.last <= b.first) FROM (SELECT phase, min(offered_at) first, max(verdict_at) last FROM deployment_device GROUP BY phase) a
  JOIN (SELECT phase, min(offered_at) first FROM deployment_device GROUP BY phase) b ON b.phase = a.phase + 1")
[ "$order" = t ] || fail "a later phase was offered before the one before it had ended"
sum=$(sql "SELECT granted || ' ' || touched || ' ' || open || ' ' || succeeded || ' ' || failed FROM deployment_stratum")
[ "$sum" = "$COUNT $COUNT 0 $COUNT 0" ] || fail "one stratum holds all: $sum"
[ "$(sql "SELECT count(*) FROM deployment_verdict WHERE verdict = 'lift' AND stratum IS NULL")" = 1 ] || fail "the cap went once"
drift=$(sql "SELECT count(*) FROM (SELECT deployment_id, phase, state, count(*) n FROM deployment_device GROUP BY 1, 2, 3) r
  FULL JOIN (SELECT * FROM deployment_counter WHERE n <> 0 AND state <> 'touched') c USING (deployment_id, phase, state) WHERE r.n IS DISTINCT FROM c.n")
[ "$drift" = 0 ] || fail "$drift counters are not what the rows are"
say "$COUNT devices after a canary of 3; the cap went with the evidence"
