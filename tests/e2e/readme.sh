#!/usr/bin/env bash
# Every command line that the README shows in its tour is run, as it stands there.
. "$(dirname "$0")/support.sh" "$1"
readme=$PWD/README.md
lines=$(awk '/<!-- tour:/ { found = 1; next } found && /^```sh/ { inside = 1; next } inside && /^```/ { exit } inside' "$readme")
[ "$(grep -c . <<<"$lines")" = 5 ] || fail "the tour has $(grep -c . <<<"$lines") lines"
for target in demo check deps; do
    grep -qE "^$target:" Makefile || fail "the README names 'make $target', the Makefile does not have it"
done
server_start
cd "$WORK"
image_make rootfs.img 200000 1 0
while read -r line; do
    say "\$ $line"
    bash -euo pipefail -c "$line" || fail "this line of the README failed: $line"
done <<<"$lines"
[ "$(slipway device list --json --limit 200 | jq '.items | length')" = 50 ] || fail "the simulated devices are not there"
