#!/usr/bin/env bash
# slipwayd --dev: a second start on the same folder is refused while the server lives; after a
# kill -9 the next start adopts the database; a schema that is newer or edited is refused in words.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
[ "$(stat -c %a "$WORK/var/dev.json")" = 600 ] || fail "dev.json may be read by others"
if slipwayd --dev --dir "$WORK/var" >"$WORK/second.log" 2>&1 </dev/null; then fail "a second server started"; fi
grep -qi 'already\|lives\|locked\|running' "$WORK/second.log" || fail "no clear word: $(cat "$WORK/second.log")"

say "killed, and started again on the same folder"
server_kill
server_start
[ "$(slipway product list --json | jq -r '.items[0].name')" = board ] || fail "the product is gone"
[ "$(slipway repo status --json | jq -r .root.version)" = 1 ] || fail "the root is gone: $(slipway repo status --json)"

say "stopped right after a device polled: its last-seen time is written all the same"
echo go | poller 127.0.0.1 "$PORT" "$(claim_new 1)" "$HWID" "$(printf v1 | sha256sum | cut -d' ' -f1)" 1 >/dev/null
server_stop
server_start
[ "$(slipway device list --json | jq -r '.items[0].last_seen')" != null ] || fail "last seen was lost: $(slipway device list --json)"

say "stopped in order: the database stops too"
postmaster=$(head -n 1 "$(find "$WORK/var" -name postmaster.pid | head -n 1)")
server_stop
! alive "$postmaster" || fail "PostgreSQL still runs after SIGTERM"
[ ! -e "$WORK/var/dev.json" ] || fail "dev.json stayed"

say "an edited migration is refused"
mkdir "$WORK/edited" && cp migrations/*.sql "$WORK/edited/" && echo '-- edited' >>"$(ls "$WORK"/edited/*.sql | head -n 1)"
if SLIPWAY_DATABASE_MIGRATIONS=$WORK/edited SLIPWAY_LISTEN_PORT=0 timeout 60 slipwayd --dev --dir "$WORK/var" --migrations "$WORK/edited" >"$WORK/edited.log" 2>&1 </dev/null; then fail "started with an edited migration"; fi
grep -qi 'edited\|changed' "$WORK/edited.log" || fail "no clear word: $(tail -n 3 "$WORK/edited.log")"
