#!/usr/bin/env bash
# Versions survive a restored backup: back up, publish, update devices, restore the backup. Every
# device updates again without being touched, for what the server signs afterwards is past all that
# it ever signed. Then the same after a server whose clock was ahead, with `slipwayd recover`.
. "$(dirname "$0")/support.sh" "$1"
DEVICES=3
server_start
solo_start
for v in 1 2 3 4; do image_make "$WORK/v$v.img" 200000 "$v" 0; done
solo_publish v1 1 "$WORK/v1.img"
for n in $(seq $DEVICES); do
    device_provision "d$n" "$WORK/v1.img"
    device_start "d$n"
done
all_run() { for n in $(seq $DEVICES); do device_runs "d$n" "$1" || return 1; done; } # SHA
until_true 60 "every device knows what it runs" all_run "$(sha "$WORK/v1.img")"
update_all() { # VERSION
    local id
    id=$(deploy_create "$1" --phases 100%)
    until_true 90 "every device runs $1" all_run "$(sha "$WORK/$1.img")"
    until_true 30 "the deployment of $1 is finished" deploy_is "$id" finished
}
timestamp_version() { curl -sSf "$URL/t/default/image/metadata/timestamp.json" | jq .signed.version; }
# What device d1 itself gets, as "timestamp's version, snapshot's version".
director_given() {
    local token
    token=$(device-session "$WORK/d1/state" "$URL")
    curl -sSf -H "Authorization: Bearer $token" "$URL/t/default/director/$(device_id d1)/metadata/timestamp.json" |
        jq -r '.signed | "\(.version) \(.meta["snapshot.json"].version)"'
}
director_version() { api GET "/api/v1/devices/$(device_id d1)/director" | jq .timestamp_version; }

say "the backup: the database's folder of a server that was stopped"
server_stop
cp -a "$WORK/var/pg" "$WORK/backup"
server_start

say "life goes on: publish and update"
solo_publish v2 2 "$WORK/v2.img"
update_all v2
before=$(timestamp_version) director_before=$(director_version)

say "the disk is lost, the backup comes back"
server_stop
rm -rf "$WORK/var/pg"
cp -a "$WORK/backup" "$WORK/var/pg"
server_start
[ "$(slipway release list --product board --json | jq '.items | length')" = 1 ] || fail "this is not the backup"
solo_publish v3 3 "$WORK/v3.img"
update_all v3
[ "$(timestamp_version)" -gt "$before" ] || fail "the timestamp's version fell"
[ "$(director_version)" -gt "$director_before" ] || fail "the director's version fell"
say "$DEVICES devices updated again, untouched"

say "a server whose clock was ahead: the new one is told how far"
ahead=$(date -u -d '+30 minutes' +%FT%TZ)
: >"$WORK/slipway.conf"
SLIPWAY_DATABASE_URL=$(jq -r .database "$WORK/var/dev.json") slipwayd recover --not-before "$ahead" --config "$WORK/slipway.conf" >>"$WORK/server.log" 2>&1
server_stop
server_start
say "what was kept from before is not given out again, also to a device without new orders"
read -r timestamp snapshot < <(director_given)
least=$(date -d "$ahead" +%s)000
[ "$timestamp" -ge "$least" ] && [ "$snapshot" -ge "$least" ] || fail "the director still says timestamp $timestamp, snapshot $snapshot"
[ "$(director_given)" = "$timestamp $snapshot" ] || fail "it is signed again at every question"
solo_publish v4 4 "$WORK/v4.img"
update_all v4
[ "$(timestamp_version)" -ge "$least" ] || fail "the versions do not begin at $ahead"
slipway audit verify >/dev/null || fail "the audit does not verify"
slipway audit list --json | jq -e '.items[] | select(.action == "repo.recover")' >/dev/null || fail "the audit does not name the recovery"
if slipwayd recover --not-before tomorrow --config "$WORK/slipway.conf" 2>>"$WORK/server.log"; then fail "'tomorrow' was taken for a time"; fi
