#!/usr/bin/env bash
# PostgreSQL dies and comes back under load: answers are 503 with Retry-After meanwhile, nothing
# that was acknowledged is lost, and the server needs no help.
. "$(dirname "$0")/support.sh" "$1"
REPORTERS=50
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
release_publish v1 1 "$WORK/v1.img"
deploy_create v1 --phases 100% >/dev/null
touch "$WORK/acks"
background reporters "$BUILD/reporters" 127.0.0.1 "$PORT" "$(claim_new $REPORTERS)" "$HWID" $REPORTERS "$WORK/acks"
acks() { wc -l <"$WORK/acks"; }
have() { [ "$(acks)" -ge "$1" ]; }
postmaster() { head -n 1 "$(find "$WORK/var" -name postmaster.pid | head -n 1)" 2>/dev/null; }
postgres_pid() { pgrep -f "postgres.* -D $WORK/var" | head -n 1; }
until_true 60 "reports flow" have 500
for signal in INT KILL QUIT; do
    before=$(acks)
    pid=$(jq -r .pg_pid "$WORK/var/dev.json")
    kill -$signal "$pid"
    gone() { ! alive "$pid"; }
    until_true 30 "PostgreSQL is gone" gone
    # Whoever asks now is told to come again.
    unavailable() { [ "$(curl -s -o "$WORK/answer" -D "$WORK/head" -w '%{http_code}' -m 20 -H "Authorization: Bearer $TOKEN" "$URL/api/v1/products")" = "$1" ]; }
    if unavailable 503; then
        grep -qi '^retry-after:' "$WORK/head" || fail "a 503 without Retry-After: $(cat "$WORK/head")"
        say "503 with $(grep -i '^retry-after:' "$WORK/head" | tr -d '\r') after SIG$signal"
    fi
    until_true 60 "the server answers again" unavailable 200
    until_true 60 "reports flow again" have $((before + 500))
done
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2>/dev/null || true
sort "$WORK/acks" >"$WORK/acks.sorted"
sql "SELECT encode(d.device_id, 'hex') || ' ' || encode(epoch, 'hex') || ' ' || seq FROM report r JOIN device d ON d.id = r.device_id" | sort >"$WORK/rows"
lost=$(comm -23 "$WORK/acks.sorted" "$WORK/rows" | wc -l)
[ "$lost" = 0 ] || fail "$lost acknowledged reports are lost"
grep -q 503 "$WORK/answer" || true
say "$(acks) acknowledged, none lost"
