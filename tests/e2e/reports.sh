#!/usr/bin/env bash
# Error reports: counted once, grouped into issues, named by debug files, back after they were
# resolved, exported, and dropped by age.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
release_publish v1 1 "$WORK/v1.img"
release_publish v2 2 "$WORK/v2.img"
device_provision one "$WORK/v1.img"
slipway-agent check --state "$WORK/one/state" >>"$WORK/one.log" 2>&1 || fail "the device could not check"
DEVICE_TOKEN=$(device-session "$WORK/one/state" "$URL")
SEQ=0

# report BODY: what a device posts; prints the status, the answer is in $WORK/answer
report() {
    curl -sS -o "$WORK/answer" -w '%{http_code}' -H "Authorization: Bearer $DEVICE_TOKEN" --data-binary "$1" "$URL/device/v1/report"
}
# event CATEGORY IMAGE [MEMBERS]: of now, the next number
event() {
    local now
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    SEQ=$((SEQ + 1))
    BODY=$(printf '{"epoch":"00112233445566778899aabbccddeeff","seq":%d,"event":{"category":"%s","class":"app","component":"pump","count":1,"start":"%s","end":"%s","image":"%s"%s}}' \
        "$SEQ" "$1" "$now" "$now" "$2" "${3:-}")
    [ "$(report "$BODY")" = 200 ] || fail "event $SEQ: $(cat "$WORK/answer")"
}
issue() { slipway report issue "$ISSUE" --json | jq -r "$1"; }
V1=$(sha "$WORK/v1.img")
V2=$(sha "$WORK/v2.img")

say "a crash is counted once, however often it is said"
cat >"$WORK/pump.c" <<'C'
#include <stdio.h>
__attribute__((noinline)) int pump_read(int x) { return x * 3 + 1; }
int main(int argc, char **argv) { (void)argv; printf("%d\n", pump_read(argc)); return 0; }
C
gcc -g -O1 -Wl,--build-id -o "$WORK/pump" "$WORK/pump.c"
build_id=$(readelf -n "$WORK/pump" | sed -n 's/.*Build ID: //p')
offset=$((16#$(nm "$WORK/pump" | awk '$3 == "pump_read" {print $1}')))
trace=$(printf ',"signal":11,"summary":"it fell","backtrace":[{"build_id":"%s","offset":%d}]' "$build_id" "$offset")
event app-crash "$V1" "$trace"
for _ in 1 2 3; do [ "$(report "$BODY")" = 200 ] || fail "the same again: $(cat "$WORK/answer")"; done
event app-crash "$V1" "$trace"
event app-exit "$V1" ',"planned":true,"exit_status":0'
ISSUE=$(slipway report issues --json | jq -r '.items[0].id')
[ "$(slipway report issues --json | jq '.items | length')" = 1 ] || fail "a planned exit is an issue"
[ "$(issue .count)" = 2 ] || fail "counted $(issue .count) times"
[ "$(issue .first_release)" = v1 ] || fail "first seen in $(issue .first_release)"
slipway report issues | grep -q 'pump: app-crash, SIGSEGV' || fail "$(slipway report issues)"

say "what cannot be read is refused, and kept once"
for _ in 1 2; do [ "$(report '{"epoch":"00","event":{}}')" = 400 ] || fail "it was taken"; done
[ "$(report "${BODY/app-exit/fire}")" = 400 ] || fail "an unknown category was taken"
jq -r .detail "$WORK/answer" | grep -q category || fail "the error does not name the field"
until_true 10 "the quarantine has it" bash -c 'slipway report quarantine --json | jq -e ".items | length == 2 and any(.times == 2)" >/dev/null'

say "debug files name the frames"
[ "$(issue '.frames[0].function // ""')" = "" ] || fail "a name from nowhere"
slipway report symbols "$WORK/pump" | grep -q "$build_id" || fail "no build id"
slipway report symbols "$WORK/pump.c" 2>"$WORK/said" && fail "a text was taken for a debug file"
grep -q ELF "$WORK/said" || fail "$(cat "$WORK/said")"
named() { [ "$(issue '.frames[0].function')" = pump_read ]; }
until_true 20 "the frame has a name" named
slipway report issue "$ISSUE" | grep -q 'pump_read .*pump.c:2' || fail "$(slipway report issue "$ISSUE")"

say "resolved in v2: v1 may still have it, v2 brings it back"
slipway report resolve "$ISSUE" --release v2 --note 'fixed' >/dev/null
event app-crash "$V1" "$trace"
[ "$(issue .state)" = resolved ] || fail "an old image brought it back"
sleep 1.1 # times of events are whole seconds
event app-crash "$V2" "$trace"
[ "$(issue .state)" = regressed ] || fail "it is $(issue .state)"
[ "$(issue '.versions | length')" = 2 ] || fail "$(issue .versions)"
slipway report issues --state regressed | grep -q "$ISSUE" || fail "not in the list"
slipway report ignore "$ISSUE" >/dev/null
event app-crash "$V2" "$trace"
[ "$(issue '.state + " " + (.count | tostring)')" = "ignored 5" ] || fail "$(issue .state) $(issue .count)"

say "attachments come where the group agrees, and are read with an audit"
printf 'the last words\n' >"$WORK/log"
hash=$(sha "$WORK/log")
device=$(slipway device list --json | jq -r '.items[0].device')
event watchdog "$V2" "$(printf ',"attachment":{"kind":"log","length":%d,"sha256":"%s"}' "$(stat -c %s "$WORK/log")" "$hash")"
put() { curl -sS -o "$WORK/answer" -w '%{http_code}' -X PUT -H "Authorization: Bearer $DEVICE_TOKEN" --data-binary "@$WORK/log" "$URL/device/v1/attachment/$hash"; }
[ "$(put)" = 403 ] || fail "taken without consent"
group=$(slipway group list --json | jq -r '.items[] | select(.name == "production") | .id')
api PATCH "/api/v1/groups/$group" -d '{"crash_dumps":true}' >/dev/null
[ "$(put)" = 200 ] || fail "$(cat "$WORK/answer")"
slipway report attachment "$device" "$hash" --out "$WORK/back" >/dev/null
cmp "$WORK/log" "$WORK/back"
api GET '/api/v1/audit?limit=200' | jq -e '[.items[] | select(.action == "attachment.read")] | length == 1' >/dev/null ||
    fail "no audit"

say "exports have every event, as lines"
slipway report export --format jsonl >"$WORK/events.jsonl"
slipway report export --format csv --out "$WORK/events.csv"
[ "$(jq -s 'length' "$WORK/events.jsonl")" = 7 ] || fail "$(wc -l <"$WORK/events.jsonl") lines"
[ "$(wc -l <"$WORK/events.csv")" = 8 ] || fail "$(cat "$WORK/events.csv")"
[ "$(slipway report export --format jsonl --category watchdog | jq -s length)" = 1 ] || fail "the filter"
slipway report days --json | jq -e '[.items[] | select(.category == "app-crash") | .events] | add == 5' >/dev/null ||
    fail "$(slipway report days)"

say "raw events go with their partition, the rest stays; nothing is counted again"
sql "SET slipway.tenant = '*'; SELECT dropped > 0 FROM slipway_partitions((now() AT TIME ZONE 'UTC')::date + 15, 14)" | grep -q t || fail "nothing was dropped"
[ "$(slipway report events --json | jq '.items | length')" = 0 ] || fail "raw events are still there"
[ "$(report "$BODY")" = 200 ] || fail "$(cat "$WORK/answer")"
[ "$(issue .count)" = 5 ] || fail "an old event was counted again"
event app-crash "$V2" "$trace"
[ "$(slipway report events --json | jq '.items | length')" = 1 ] || fail "a new event is not there"
say "done"
