#!/usr/bin/env bash
# Devices of a hawkBit and of a Mender server: shown first, made once, the same again makes nothing.
. "$(dirname "$0")/support.sh" "$1"
server_start
slipway product create camera --hwid cam-v1 >/dev/null
E=tests/cli/import
mender() { slipway import mender --product camera "$E/mender-inventory.json" "$E/mender-devauth.json" "$@"; }
groups() { slipway group list --json | jq -r '.items[].name' | sort | tr '\n' ' '; }
before=$(groups)
[ "$(mender --json | jq -c '[.groups, .expected, .done]')" = '[["field"],1,false]' ] || fail "the plan: $(mender --json)"
[ "$(groups)" = "$before" ] || fail "a dry run changed something"
mender --yes >"$WORK/said"
grep -q 'claim new --group camera/production --count 1 ' "$WORK/said" || fail "it said: $(cat "$WORK/said")"
expected() { api GET /api/v1/preregistrations | jq -c '.items | length'; }
[ "$(expected)" = 1 ] || fail "$(expected) devices are expected"
api GET /api/v1/preregistrations | jq -e '.items[0].tags.site == "berlin"' >/dev/null || fail "its tags are lost"
[ "$(mender --yes --json | jq -c .groups)" = '[]' ] || fail "a group was made twice"
[ "$(expected)" = 1 ] || fail "a device is expected twice"
slipway import hawkbit --product camera --group field "$E/hawkbit-targets.json" --yes >"$WORK/said"
grep -q 'group Yard-North: made' "$WORK/said" && grep -q 'camera/Yard-North --count 2 ' "$WORK/said" || fail "it said: $(cat "$WORK/said")"
! slipway import mender --product camera "$E/hawkbit-targets.json" >"$WORK/said" 2>&1 || fail "another server's export was taken"
grep -q 'hawkbit-targets.json' "$WORK/said" || fail "it does not name the file: $(cat "$WORK/said")"
