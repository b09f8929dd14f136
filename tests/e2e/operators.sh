#!/usr/bin/env bash
# T55, T56, T57: what a token opens and what it does not, in the command line and on the wire.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
release_publish v1 1 "$WORK/v1.img"
release_publish v2 2 "$WORK/v2.img"
for n in 1 2; do device_provision "d$n" "$WORK/v1.img"; device_start "d$n"; done

known() { [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "$URL/api/v1/tenant")" = 200 ]; } # TOKEN
unknown() { [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "$URL/api/v1/tenant")" = 401 ]; }
# token_new NAME ROLE [options]: prints it once the server knows it
token_new() {
    local name=$1 role=$2 token
    shift 2
    token=$(slipway token new --name "$name" --role "$role" "$@" --json | jq -r .token)
    until_true 20 "the token of $name is known" known "$token"
    printf '%s' "$token"
}
as() { SLIPWAY_URL=$URL SLIPWAY_TOKEN=$1 "${@:2}"; } # TOKEN COMMAND...
# refused CODE TOKEN COMMAND...: fails with exit status 1 and that code
refused() {
    local code=$1 token=$2 status=0
    shift 2
    as "$token" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    [ "$status" = 1 ] || fail "$*: exit status $status instead of 1: $(cat "$WORK/out" "$WORK/err")"
    grep -q "($code)" "$WORK/err" || fail "$*: not $code: $(cat "$WORK/err")"
}
# ask STATUS TOKEN METHOD PATH [curl arguments]
ask() {
    local want=$1 token=$2 method=$3 path=$4 got
    shift 4
    got=$(curl -sS -o "$WORK/answer" -w '%{http_code}' -X "$method" -H "Authorization: Bearer $token" "$@" "$URL$path")
    [ "$got" = "$want" ] || fail "$method $path: $got instead of $want: $(cat "$WORK/answer")"
}
READER=$(token_new Rita reader)
AUTHOR=$(token_new Carl contributor)
APPROVER=$(token_new Ann approver)
AUDITOR=$(token_new Otto auditor)
[[ $READER =~ ^slw_[0-9a-f]{8}_[0-9a-f]{64}$ ]] || fail "the token's form: $READER"
slipway token list | grep -q Rita || fail "the list lacks a token"

say "T56: a reader starts no rollout, an auditor neither; each role does what is its own"
refused RBAC "$READER" slipway deploy create --group "$GROUP" --release v2 --phases 100%
refused RBAC "$AUDITOR" slipway deploy create --group "$GROUP" --release v2 --phases 100%
refused RBAC "$APPROVER" slipway deploy create --group "$GROUP" --release v2 --phases 100%
refused RBAC "$AUTHOR" slipway token new --name x --role reader
refused RBAC "$APPROVER" slipway tenant set --approval-devices 0
refused RBAC "$READER" slipway audit list
as "$AUDITOR" slipway audit verify >/dev/null || fail "an auditor reads no audit"
ask 403 "$READER" POST /api/v1/deployments -d '{}'
[ "$(jq -r .code "$WORK/answer")" = RBAC ] || fail "the problem's code: $(cat "$WORK/answer")"

say "T56: a rollout to two devices waits; nobody is offered anything"
slipway tenant set --approval-devices 1 --json | jq -e '.approval_devices == 1' >/dev/null
waiting=$(as "$AUTHOR" deploy_create v2 --phases 100%)
deploy_is "$waiting" awaiting-approval || fail "it is $(deploy_field "$waiting" .state)"
# Both devices polled after it was made.
polled() { sql "SELECT count(*) = 2 FROM device_seen s, deployment d WHERE s.seen_at > d.created_at AND d.public_id = '$waiting'" | grep -q t; }
until_true 60 "both devices polled" polled
[ "$(slipway deploy devices "$waiting" --json | jq '.items | length')" = 0 ] || fail "somebody was offered it"
refused RBAC "$AUTHOR" slipway deploy approve "$waiting"
slipway deploy abort "$waiting" >/dev/null

say "T56: the author's own approval is FOUR_EYES, another person's lets it go"
id=$(deploy_create v2 --phases 100%)
refused FOUR_EYES "$TOKEN" slipway deploy approve "$id"
deploy_is "$id" awaiting-approval || fail "the author's approval did something"
ask 409 "$TOKEN" POST "/api/v1/deployments/$id/approve"
[ "$(jq -r .code "$WORK/answer")" = FOUR_EYES ] || fail "the problem's code: $(cat "$WORK/answer")"
background watch slipway deploy watch "$id"
watch=$!
until_true 20 "watch says what it waits for" grep -q awaiting-approval "$WORK/watch.log"
as "$APPROVER" slipway deploy approve "$id" >/dev/null
for n in 1 2; do until_true 120 "device $n runs v2" device_runs "d$n" "$(sha "$WORK/v2.img")"; done
wait "$watch" || fail "watch did not see it through: $(cat "$WORK/watch.log")"
[ "$(deploy_field "$id" .approver)" = "$(printf '%.12s' "$APPROVER")" ] || fail "who approved it: $(deploy_field "$id" .approver)"

say "T55: what is another tenant's is not there, and that somebody asked is in the audit"
OTHER=$(slipway tenant create other --json | jq -r .token)
until_true 20 "the other tenant's token is known" known "$OTHER"
attempts() { as "$OTHER" slipway audit list --json | jq '[.items[] | select(.action == "authz.cross_tenant")] | length'; }
release=$(slipway release list --json | jq -r '.items[0].id')
group=$(slipway group list --json | jq -r '.items[] | select(.name == "production") | .id')
n=0
for path in "releases/$release" "devices/$(device_id d1)" "images/$(sha "$WORK/v1.img")" "deployments/$id" "groups/$group" "audit?tenant=default"; do
    ask 404 "$OTHER" GET "/api/v1/$path"
    n=$((n + 1))
    [ "$(attempts)" = "$n" ] || fail "/api/v1/$path is not in the audit: $(attempts) of $n"
done
ask 404 "$OTHER" POST "/api/v1/deployments/$id/abort"
ask 404 "$OTHER" POST /api/v1/claim-tokens -d "{\"group\":\"$group\"}"
[ "$(attempts)" = $((n + 2)) ] || fail "attempts to change something are not in the audit"
ask 404 "$OTHER" GET "/api/v1/releases/00000000-0000-0000-0000-000000000000"
[ "$(attempts)" = $((n + 2)) ] || fail "what nobody has was noted as somebody's"
deploy_is "$id" aborted && fail "another tenant aborted it"
for list in products groups releases images deployments devices components claim-tokens operator-tokens; do
    ask 200 "$OTHER" GET "/api/v1/$list"
    foreign=$(jq -r '.items[] | tostring' "$WORK/answer" | grep -c "$release\|$group\|Rita" || true)
    [ "$foreign" = 0 ] || fail "$list shows another tenant's: $(cat "$WORK/answer")"
done

say "T55: the second wall: as the server's own role, without a WHERE, the database shows nothing"
as_runtime() { sql "SET ROLE slipway_runtime; SET slipway.tenant = '$1'; SELECT count(*) FROM $2"; } # TENANT TABLE
first=$(sql "SELECT id FROM tenant WHERE name = 'default'")
second=$(sql "SELECT id FROM tenant WHERE name = 'other'")
for table in release device image deployment audit operator_token; do
    mine=$(as_runtime "$first" "$table")
    nobodys=$(as_runtime "" "$table")
    foreign=$(as_runtime "$second" "$table WHERE tenant_id = $first")
    { [ "$mine" -gt 0 ] && [ "$nobodys" = 0 ] && [ "$foreign" = 0 ]; } || fail "$table: $mine, $nobodys, $foreign"
done
[ "$(sql "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'slipway_runtime'")" = 0 ] || fail "the runtime role owns something"

say "T57: a dump of the database opens nothing"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
"$bin/pg_dump" "$(jq -r .database "$WORK/var/dev.json")" >"$WORK/dump.sql"
for token in "$TOKEN" "$READER" "$AUTHOR" "$APPROVER" "$OTHER"; do
    grep -q "${token##*_}" "$WORK/dump.sql" && fail "a token is in the dump"
    digest=$(printf %s "$token" | sha256sum | cut -d' ' -f1)
    grep -q "$digest" "$WORK/dump.sql" || fail "its hash is not: the test looks in the wrong place"
    unknown "$digest" || fail "the hash is a token"
    unknown "${token%_*}_$digest" || fail "the hash in a token's form is a token"
done

say "a token that is narrowed to a group changes that group alone"
slipway product create other --hwid other-board >/dev/null
NARROW=$(token_new ci contributor --group "$GROUP" --days 1)
as "$NARROW" slipway group set "$GROUP" --poll-interval 1 >/dev/null
refused RBAC "$NARROW" slipway group set board/development --poll-interval 1
refused RBAC "$NARROW" slipway group set other/production --poll-interval 1
refused RBAC "$NARROW" slipway product create third --hwid third-board

say "a revoked token ends"
slipway token revoke "$(printf '%.12s' "$READER")" >/dev/null
until_true 20 "the token is forgotten" unknown "$READER"
until_true 60 "uses are written down" sh -c "slipway token list --json | jq -e '[.items[] | select(.last_used)] | length > 3' >/dev/null"
