#!/usr/bin/env bash
# The kill switch of a group under load, with two servers on one database: the one that hears of it
# stops at once, the other within a second, and not one device more is allowed to switch; lifted
# again, the rest follows. Then the tenant's, which nobody passes.
. "$(dirname "$0")/support.sh" "$1"
COUNT=240
server_start
fleet_start
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
# Another server on the same database and store.
other_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo $((PORT + 1)))
SLIPWAY_DATABASE_URL=$(jq -r .database "$WORK/var/dev.json") SLIPWAY_STORAGE_DIR=$WORK/var SLIPWAY_LISTEN_ADDRESS=127.0.0.1 \
    SLIPWAY_LISTEN_PORT=$other_port SLIPWAY_SIGNER_SOCKET=$WORK/var/signer/socket \
    background other slipwayd --config /dev/null
OTHER=http://127.0.0.1:$other_port
other_ready() { curl -fsS "$OTHER/readyz" >/dev/null 2>&1; }
until_true 30 "the other server is ready" other_ready
half=$((COUNT / 2))
for at in "$URL one" "$OTHER two"; do
    set -- $at
    background "simulator-$2" slipway fleet simulate --url "$1" --claim "$(claim_new $half)" --count $half --hwid "$HWID" \
        --root "$WORK/1.root.json" --installed v1 --seed "$2" --connections 60
done
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 60 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
release_publish v2 2 "$WORK/v2.img"
# 20 devices a second, so that the switch is thrown in the middle
id=$(deploy_create v2 --phases 100% --failed-percent 100 --min-finished 1000 --delta-policy full \
    --bytes-per-hour $((20000 * 20 * 3600)))
touched() { sql "SELECT coalesce(sum(touched), 0) FROM deployment_stratum"; }
under_way() { [ "$(touched)" -ge 40 ]; }
until_true 60 "it is under way" under_way
slipway deploy stop-all --group "$GROUP" --reason "the story says so" >/dev/null
sleep 1 # the other server has this long
before=$(touched)
why() { curl -fsS -H "Authorization: Bearer $TOKEN" "$1/api/v1/devices/$(sql "SELECT encode(device_id, 'hex') FROM device v WHERE NOT EXISTS (SELECT 1 FROM deployment_device d WHERE d.device_id = v.id) ORDER BY id DESC LIMIT 1")/why"; }
why "$OTHER" | grep -q stopped || fail "the other server does not know: $(why "$OTHER")"
sleep 3 # three polls of everybody
[ "$(touched)" = "$before" ] || fail "$(($(touched) - before)) devices were allowed to switch after the stop"
[ "$before" -lt $COUNT ] || fail "it was thrown too late to show anything"
deploy_is "$id" running || fail "the deployment: $(deploy_field "$id" .state)"
slipway deploy allow-all --group "$GROUP" >/dev/null
until_true 90 "the rest follows" deploy_is "$id" finished
until_true 15 "all run v2" runs "$(sha "$WORK/v2.img")" $COUNT
say "$before of $COUNT had switched when the switch was thrown, and no other until it was lifted"
