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
postgres_pid() { jq -r .pg_pid "$WORK/var/dev.json"; }
postgres_lives() { alive "$(postgres_pid)"; }
until_true 60 "reports flow" have 500
for signal in INT KILL QUIT; do
    before=$(acks)
    until_true 20 "PostgreSQL lives and is named in dev.json" postgres_lives
    pid=$(postgres_pid)
    kill -$signal "$pid"
    gone() { ! alive "$pid"; }
    until_true 30 "PostgreSQL is gone" gone
    unavailable() { [ "$(curl -s -o "$WORK/answer" -D "$WORK/head" -w '%{http_code}' -m 20 -H "Authorization: Bearer $TOKEN" "$URL/api/v1/products")" = "$1" ]; }
    until_true 60 "the server answers again" unavailable 200
    until_true 60 "reports flow again" have $((before + 500))
done
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2>/dev/null || true
sort "$WORK/acks" >"$WORK/acks.sorted"
sql "SELECT encode(d.device_id, 'hex') || ' ' || encode(epoch, 'hex') || ' ' || seq FROM report r JOIN device d ON d.id = r.device_id" | sort >"$WORK/rows"
lost=$(comm -23 "$WORK/acks.sorted" "$WORK/rows" | wc -l)
[ "$lost" = 0 ] || fail "$lost acknowledged reports are lost"
say "$(acks) acknowledged, none lost"
server_stop

say "with a database of its own that stays away: 503 and Retry-After, then all is well again"
conninfo=$(test-cluster start "$WORK/cluster")
cluster_stop() { test-cluster stop "$WORK/cluster" >/dev/null; }
export SLIPWAY_DATABASE_URL=$conninfo SLIPWAY_STORAGE_DIR=$WORK/storage SLIPWAY_LISTEN_ADDRESS=127.0.0.1 SLIPWAY_LISTEN_PORT=$PORT
slipwayd migrate >/dev/null 2>&1
TOKEN=$(slipwayd add-operator default 2>/dev/null | tail -n 1)
background configured slipwayd --config /dev/null
until_true 20 "the server answers" unavailable 200
test-cluster halt "$WORK/cluster"
until_true 20 "503 while the database is away" unavailable 503
grep -qi '^retry-after: [0-9]' "$WORK/head" || fail "a 503 without Retry-After: $(cat "$WORK/head")"
grep -qi '^content-type: application/problem+json' "$WORK/head" || fail "not a problem: $(cat "$WORK/head")"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/readyz")" = 503 ] || fail "/readyz does not know"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/healthz")" = 200 ] || fail "/healthz is about the process"
test-cluster start "$WORK/cluster" >/dev/null
until_true 30 "the server found the database again" unavailable 200
cluster_stop
