#!/usr/bin/env bash
# The operator API says no in words: every refusal is a problem document with the right status.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
release_publish v1 1 "$WORK/v1.img"

# expect STATUS METHOD PATH [curl arguments]
expect() {
    local want=$1 method=$2 path=$3 got
    shift 3
    got=$(curl -sS -o "$WORK/answer" -w '%{http_code} %{content_type}' -X "$method" -H "Authorization: Bearer ${AS:-$TOKEN}" "$@" "$URL$path")
    [ "${got%% *}" = "$want" ] || fail "$method $path: $got instead of $want: $(cat "$WORK/answer")"
    if [ "$want" -ge 400 ]; then
        [ "${got#* }" = application/problem+json ] || fail "$method $path: content type ${got#* }"
        jq -e '.type and .title and .status' "$WORK/answer" >/dev/null || fail "$method $path: $(cat "$WORK/answer")"
    fi
}
group=$(slipway group list --json | jq -r '.items[] | select(.name == "production") | .id')
expect 200 GET /api/v1/products
AS=wrong expect 401 GET /api/v1/products
expect 404 GET /api/v1/nothing
expect 405 DELETE /api/v1/products
expect 404 GET /api/v1/products/00000000-0000-0000-0000-000000000000
expect 400 GET /api/v1/products/not-a-uuid
expect 400 POST /api/v1/products -d '{"name":"x"'
expect 400 POST /api/v1/products -d '{"name":"x","hwids":["a"],"nmae":"typo"}'
expect 400 POST /api/v1/products -d '{"name":"x","name":"y","hwids":["a"]}'
expect 400 POST /api/v1/products -d '{"name":"x y","hwids":["a"]}'
expect 409 POST /api/v1/products -d '{"name":"board","hwids":["a"]}'
head -c 3000000 /dev/zero | tr '\0' ' ' >"$WORK/long"
expect 413 POST /api/v1/products --data-binary "@$WORK/long"
expect 400 GET '/api/v1/products?limit=0'
expect 400 GET '/api/v1/products?limit=100000'
jq -r .detail "$WORK/answer" | grep -q limit || fail "the error does not name the field"

say "signed first, then uploaded: an image that no metadata names is refused"
expect 409 PUT "/api/v1/images/$(sha "$WORK/v2.img")" --data-binary "@$WORK/v2.img"
expect 400 PUT "/api/v1/images/nothex" --data-binary "@$WORK/v2.img"
say "the same metadata again is a conflict, other people's keys are refused"
expect 409 POST /api/v1/repo/metadata --data-binary "@$WORK/1.targets.json"
slipway keys new --dir "$WORK/evil" >/dev/null
slipway sign root --keys "$WORK/evil" --online "$WORK/online.json" --out "$WORK/evil.root.json" >/dev/null
slipway sign release --keys "$WORK/evil" --root "$WORK/evil.root.json" --accept-previous --previous "$WORK/1.targets.json" --out "$WORK/evil.targets.json" \
    --component base-os --version v2 --counter 2 --hwid "$HWID" "$WORK/v2.img" >/dev/null
curl -sS -o "$WORK/answer" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" --data-binary "@$WORK/evil.targets.json" "$URL/api/v1/repo/metadata" >"$WORK/status"
[ "$(cat "$WORK/status")" -ge 400 ] || fail "foreign metadata was published"
grep -q TARGETS_THRESHOLD "$WORK/answer" || grep -qi 'signature\|threshold' "$WORK/answer" || fail "unclear: $(cat "$WORK/answer")"

say "deployments: phases, missing images, one at a time"
release=$(slipway release list --json | jq -r '.items[0].id')
deploy() { printf '{"group":"%s","release":"%s","phases":%s}' "$group" "$release" "$1"; }
expect 400 POST /api/v1/deployments -d "$(deploy '[{"percent":50}]')"
expect 400 POST /api/v1/deployments -d "$(deploy '[{"percent":50},{"percent":40},{"percent":100}]')"
expect 400 POST /api/v1/deployments -d "$(deploy '[]')"
expect 400 POST /api/v1/deployments -d "$(deploy '[{"percent":101}]')"
expect 201 POST /api/v1/deployments -d "$(deploy '[{"percent":50,"advance":"manual"},{"percent":100}]')" # else it is over at once: nobody waits
id=$(jq -r .id "$WORK/answer")
expect 409 POST /api/v1/deployments -d "$(deploy '[{"percent":100}]')"
expect 409 POST "/api/v1/deployments/$id/resume"
expect 200 POST "/api/v1/deployments/$id/pause"
expect 200 POST "/api/v1/deployments/$id/resume"
expect 200 POST "/api/v1/deployments/$id/abort"
expect 409 POST "/api/v1/deployments/$id/pause"

say "another tenant sees nothing of this one, a reader writes nothing"
[ "$(sql "SELECT count(*) FROM operator_token WHERE encode(digest, 'escape') LIKE '%$TOKEN%'")" = 0 ] || fail "the token itself is in the database"
other=$(sql "INSERT INTO tenant (name) VALUES ('other') RETURNING id")
for role in administrator reader; do
    tenant=$([ "$role" = reader ] && sql "SELECT id FROM tenant WHERE name = 'default'" || echo "$other")
    sql "INSERT INTO operator_token (tenant_id, digest, name, role) VALUES ($tenant, sha256('test-$role'::bytea), '$role', '$role')"
done
sql "INSERT INTO change_log (tenant_id, what) VALUES ($other, 'token')"
allowed() { [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "$URL/api/v1/products")" = 200 ]; }
until_true 20 "the new token is known" allowed test-administrator
until_true 20 "the reader's token is known" allowed test-reader
AS=test-administrator expect 200 GET /api/v1/products
[ "$(jq '.items | length' "$WORK/answer")" = 0 ] || fail "another tenant sees products"
AS=test-administrator expect 404 GET "/api/v1/deployments/$id"
AS=test-administrator expect 404 POST "/api/v1/deployments/$id/abort"
AS=test-administrator expect 404 GET "/api/v1/images/$(sha "$WORK/v1.img")"
AS=test-reader expect 200 GET /api/v1/products
AS=test-reader expect 403 POST /api/v1/products -d '{"name":"z","hwids":["a"]}'

say "lists page by cursor"
for n in 1 2 3 4 5; do slipway product create "p$n" --hwid "h$n" >/dev/null; done
expect 200 GET '/api/v1/products?limit=4'
next=$(jq -r .next "$WORK/answer")
[ "$(jq '.items | length' "$WORK/answer")" = 4 ] && [ "$next" != null ] || fail "page one: $(cat "$WORK/answer")"
expect 200 GET "/api/v1/products?limit=4&after=$next"
[ "$(jq '.items | length' "$WORK/answer")" = 2 ] && [ "$(jq -r .next "$WORK/answer")" = null ] || fail "page two: $(cat "$WORK/answer")"
