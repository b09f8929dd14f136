#!/usr/bin/env bash
# What was acknowledged is kept: 200 devices report without pause, the server is killed with -9
# five times, each after at least 5,000 more acknowledgements. Afterwards every acknowledged
# (device, epoch, seq) is in the database exactly once, nothing is there that was never sent, and
# the counters equal a recount.
. "$(dirname "$0")/support.sh" "$1"
REPORTERS=200
BETWEEN=5000
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
release_publish v1 1 "$WORK/v1.img"
id=$(deploy_create v1 --phases 100%)
touch "$WORK/acks"
background reporters "$BUILD/reporters" 127.0.0.1 "$PORT" "$(claim_new $REPORTERS)" "$HWID" $REPORTERS "$WORK/acks"
acks() { wc -l <"$WORK/acks"; }
have() { [ "$(acks)" -ge "$1" ]; }
granted() { [ "$(sql "SELECT count(*) FROM deployment_device")" = $REPORTERS ]; }
until_true 60 "all $REPORTERS devices were granted the deployment" granted
for n in 1 2 3 4 5; do
    before=$(acks)
    until_true 120 "$BETWEEN more acknowledged reports" have $((before + BETWEEN))
    server_kill
    say "kill $n after $(acks) acknowledged reports"
    server_start
done
before=$(acks)
until_true 120 "they go on after the last start" have $((before + 1000))
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2>/dev/null || true
deploy_field "$id" .state >/dev/null

sort -u "$WORK/acks" >"$WORK/acks.sorted"
[ "$(wc -l <"$WORK/acks.sorted")" = "$(acks)" ] || fail "an acknowledgement was written twice"
sql "SELECT encode(d.device_id, 'hex') || ' ' || encode(epoch, 'hex') || ' ' || seq FROM report r JOIN device d ON d.id = r.device_id" | sort >"$WORK/rows"
[ "$(sort -u "$WORK/rows" | wc -l)" = "$(wc -l <"$WORK/rows")" ] || fail "a report is in the database twice"
lost=$(comm -23 "$WORK/acks.sorted" "$WORK/rows" | wc -l)
[ "$lost" = 0 ] || fail "$lost acknowledged reports are not in the database"
extra=$(comm -13 "$WORK/acks.sorted" "$WORK/rows" | wc -l)
[ "$extra" -le $((REPORTERS)) ] || fail "$extra reports are in the database that nobody acknowledged" # one in flight each
recount=$(sql "SELECT count(*) FROM (SELECT deployment_id, phase, state, count(*) n FROM deployment_device GROUP BY 1,2,3) r
  FULL JOIN (SELECT * FROM deployment_counter WHERE state <> 'touched' AND n <> 0) c USING (deployment_id, phase, state) WHERE r.n IS DISTINCT FROM c.n")
[ "$recount" = 0 ] || fail "counters differ from a recount"
say "$(acks) acknowledged, every one in the database once"
