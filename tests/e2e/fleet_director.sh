#!/usr/bin/env bash
# Simulated devices obey their directors: 300 of them go through a deployment by documents of their
# own, with patches whose headers the director signed.
. "$(dirname "$0")/support.sh" "$1"
COUNT=300
[ "$SLOW" = 1 ] || COUNT=60
server_start
solo_start
image_make "$WORK/v1.img" 50000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
solo_publish v1 1 "$WORK/v1.img"
slipway group set "$GROUP" --poll-interval 2 >/dev/null
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $COUNT)" --count $COUNT --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5 --connections 50
runs() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$1'::bytea]")" = "$2" ]; }
until_true 120 "$COUNT devices run v1" runs "$(sha "$WORK/v1.img")" $COUNT
solo_publish v2 2 "$WORK/v2.img"
until_true 60 "the delta is made" delta_kept "$(sha "$WORK/v1.img")" "$(sha "$WORK/v2.img")"
slipway delta list --json | jq -e '.items[0] | .header_length == 192 and (.header_sha256 | length) == 64 and .memory > 0' >/dev/null || fail "the list of deltas lacks their headers: $(slipway delta list --json)"
id=$(deploy_create v2 --phases 10%,100%)
until_true 180 "v2 finishes" deploy_is "$id" finished
until_true 30 "$COUNT devices run v2" runs "$(sha "$WORK/v2.img")" $COUNT
directed=$(sql "SELECT count(*) FROM director_head WHERE delta_sha256 IS NOT NULL OR assignment > 0")
[ "$directed" = $COUNT ] || fail "only $directed devices asked their director"
[ "$(sql "SELECT count(*) FROM report WHERE reason <> 'NONE'")" = 0 ] || fail "refusals: $(sql "SELECT reason, count(*) FROM report GROUP BY 1")"
bytes=$(sql "SELECT max(fetched_bytes) FROM report")
[ "$bytes" -lt 10000 ] || fail "no patch was taken: $bytes bytes"
say "$COUNT devices, each by its own director"
