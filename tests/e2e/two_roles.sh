#!/usr/bin/env bash
# A database as an installation has it: one login owns the tables and migrates, another serves, and
# can neither change a table nor a row of the audit nor see a tenant that it did not name.
. "$(dirname "$0")/support.sh" "$1"
server_start # for its PostgreSQL and its signer
sql "CREATE ROLE story_owner LOGIN CREATEROLE; CREATE ROLE story_server LOGIN; CREATE ROLE story_stranger LOGIN"
sql "CREATE DATABASE installed OWNER story_owner"
DATABASE=$(jq -r .database "$WORK/var/dev.json")
url_of() { printf '%s' "$DATABASE" | sed "s/user='slipway'/user='$1'/; s/dbname='slipway'/dbname='installed'/"; } # LOGIN
BIN=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
query() { PGOPTIONS="${OPTIONS:-}" "$BIN/psql" -X -q -At "$(url_of "$1")" -c "$2"; } # LOGIN SQL
mkdir "$WORK/files"
cat >"$WORK/slipway.conf" <<C
listen.address = 127.0.0.1
listen.port = 0
storage.dir = $WORK/files
signer.socket = $WORK/var/signer/socket
database.url = $(url_of story_server)
database.owner_url = $(url_of story_owner)
C
installed() { slipwayd "$@" --config "$WORK/slipway.conf"; }

say "nothing is served before the owner migrated"
installed >"$WORK/early.log" 2>&1 && fail "it served"
grep -q "slipwayd migrate" "$WORK/early.log" || fail "unclear: $(tail -n 1 "$WORK/early.log")"
installed migrate >/dev/null 2>&1
sql "GRANT slipway_runtime TO story_server"
[ "$(query story_owner "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'story_owner'")" = 0 ] || fail "somebody else owns a table"
TOKEN=$(installed add-operator first 2>/dev/null)
OTHER=$(installed add-operator second 2>/dev/null)

say "the server's login serves"
background installed slipwayd --config "$WORK/slipway.conf"
ready() { grep -q 'server.ready' "$WORK/installed.log"; }
until_true 30 "the server is ready" ready
URL=$(sed -n 's/.*server.ready url=\([^ ]*\).*/\1/p' "$WORK/installed.log")
export SLIPWAY_URL=$URL SLIPWAY_TOKEN=$TOKEN
slipway product create camera --hwid cam-v1 >/dev/null
slipway token new --name ci --role contributor >/dev/null
slipway audit verify >/dev/null || fail "the audit is bad"
[ "$(SLIPWAY_TOKEN=$OTHER slipway product list --json | jq '.items | length')" = 0 ] || fail "another tenant sees it"

say "and it can do no more than that"
denied() { # SQL
    query story_server "$1" >"$WORK/out" 2>&1 && fail "allowed: $1"
    grep -q 'permission denied\|must be owner\|row-level security' "$WORK/out" || fail "$1: $(cat "$WORK/out")"
}
[ "$(query story_server "SELECT count(*) FROM product")" = 0 ] || fail "rows of no tenant"
first=$(query story_owner "SELECT id FROM tenant WHERE name = 'first'")
second=$(query story_owner "SELECT id FROM tenant WHERE name = 'second'")
[ "$(OPTIONS="-c slipway.tenant=$first" query story_server "SELECT count(*) FROM product")" = 1 ] || fail "the tenant's own row"
[ "$(OPTIONS="-c slipway.tenant=$second" query story_server "SELECT count(*) FROM product")" = 0 ] || fail "another's row"
for try in "ALTER TABLE product DISABLE ROW LEVEL SECURITY" "DROP POLICY tenant_rows ON product" "DROP TABLE product" \
    "TRUNCATE product" "UPDATE audit SET object = 'x'" "DELETE FROM audit" "UPDATE audit_head SET seq = 0" \
    "INSERT INTO audit SELECT * FROM audit" "SELECT slipway_audit_append(a) FROM audit a" "ALTER TABLE audit DISABLE TRIGGER audit_trap" \
    "CREATE TABLE mine (x integer)" "SET ROLE story_owner" "SET session_replication_role = replica" \
    "INSERT INTO product (tenant_id, name, hwids) VALUES ($first, 'x', '{h}')" "DELETE FROM operator_token"; do
    denied "$try"
done
slipway audit verify >/dev/null || fail "the audit is bad now"

say "backups are the owner's: row security is not in their way"
"$BIN/pg_dump" "$(url_of story_owner)" >"$WORK/dump.sql"
grep -q camera "$WORK/dump.sql" || fail "the dump lacks rows"

say "a login that is no member of the role is told so"
sed -i "s/story_server/story_stranger/" "$WORK/slipway.conf"
installed >"$WORK/stranger.log" 2>&1 && fail "it served"
grep -q 'permission denied' "$WORK/stranger.log" || fail "unclear: $(tail -n 2 "$WORK/stranger.log")"
