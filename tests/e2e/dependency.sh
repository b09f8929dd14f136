#!/usr/bin/env bash
# A release that needs what it does not contain is refused before anything is sent, and says what is
# missing; one that says devices have that already is their word for it, and is sent.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
image_make "$WORK/v1.img" 20000 1 0
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v1 1 "$WORK/v1.img"
background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new 5)" --count 5 --hwid "$HWID" \
    --root "$WORK/1.root.json" --installed v1 --seed 5
run() { [ "$(sql "SELECT count(*) FROM device WHERE installed @> ARRAY['\\x$(sha "$WORK/$1.img")'::bytea]")" = "$2" ]; }
until_true 60 "5 devices run v1" run v1 5
release_publish v2 2 "$WORK/v2.img"
refused() { # WORDS RELEASE
    if slipway deploy create --group "$GROUP" --release "$2" --phases 100% >"$WORK/refused" 2>&1; then fail "'$1' was not refused"; fi
    grep -q "$1" "$WORK/refused" || fail "not for '$1': $(cat "$WORK/refused")"
}
needs() { sql "UPDATE image SET requires = '[{\"type\":\"$1\",\"name\":\"$2\",\"min_counter\":$3}]' WHERE release_counter = 2"; }
needs app radio 7
refused "requires 'radio' at least at release counter 7" v2
needs os base-os 3
refused "requires 'base-os' at least at release counter 3" v2
[ "$(slipway deploy list --json | jq '.items | length')" = 0 ] || fail "a refused deployment is in the list"

say "the next release says that devices have the radio"
needs app radio 7
product=$(slipway product list --json | jq -r '.items[0].id')
api POST /api/v1/releases -d "{\"name\":\"v2-radio\",\"product\":\"$product\",\"images\":[\"$(sha "$WORK/v2.img")\"],\"assumes\":{\"app/radio\":7}}" >/dev/null
id=$(deploy_create v2-radio --phases 100%)
until_true 60 "it finishes" deploy_is "$id" finished
run v2 5 || fail "not all run v2"

say "hardware that nobody of the group has"
sql "UPDATE device SET hwid = 'other'"
image_edit "$WORK/v1.img" "$WORK/v3.img" 3 0
release_publish v3 3 "$WORK/v3.img"
refused "no device of the group can run it: its images are for $HWID" v3
