#!/usr/bin/env bash
# The command line as people and scripts meet it: where it finds its server, what it says when
# something is wrong, exit statuses, pages of lists, watching, and a simulated fleet that comes
# back as itself.
. "$(dirname "$0")/support.sh" "$1"
# expect STATUS WORDS COMMAND...: exit status, and words on standard output or error
expect() {
    local want=$1 words=$2 got=0
    shift 2
    "$@" >"$WORK/said" 2>&1 </dev/null || got=$?
    [ "$got" = "$want" ] || fail "$*: status $got instead of $want: $(cat "$WORK/said")"
    grep -qF -- "$words" "$WORK/said" || fail "$*: no '$words' in: $(cat "$WORK/said")"
}

say "without a server"
export XDG_CONFIG_HOME=$WORK/config
expect 1 'slipway login' slipway product list
expect 2 'usage: slipway' slipway
expect 0 'deploy create' slipway --help
expect 0 'slipway deploy create --group' slipway deploy create --help
expect 2 'no command' slipway deploy fly
expect 2 'unknown option' slipway product list --colour red
expect 2 '--phases is missing' slipway deploy create --group a/b --release c
expect 1 'could not reach' slipway product list --url http://127.0.0.1:1 --token-file /proc/version

say "a login is tried before it is kept"
server_start
fleet_start
printf '%s\n' "$TOKEN" >"$WORK/token"
printf 'wrong\n' >"$WORK/wrong"
expect 1 'slipway login' slipway login "$URL" --token-file "$WORK/wrong"
[ ! -e "$XDG_CONFIG_HOME/slipway/login.json" ] || fail "a wrong token was kept"
expect 0 'logged in' slipway login "$URL" --token-file "$WORK/token"
[ "$(stat -c %a "$XDG_CONFIG_HOME/slipway/login.json")" = 600 ] || fail "others can read the login"
(unset SLIPWAY_DEV_DIR && cd / && expect 0 board slipway product list)
(unset SLIPWAY_DEV_DIR && cd / && SLIPWAY_URL=$URL SLIPWAY_TOKEN=wrong expect 1 '' slipway product list)

say "names, refusals, JSON"
expect 1 'nowhere' slipway group set nowhere/production --poll-interval 5
expect 1 'nobody' slipway group set board/nobody --poll-interval 5
expect 2 '--poll-interval' slipway group set board/production
expect 1 'exists' slipway product create board --hwid x
expect 1 'release' slipway deploy create --group "$GROUP" --release v9 --phases 100%
expect 1 "'5x'" slipway deploy create --group "$GROUP" --release v9 --phases 5x,100%
slipway product create board --hwid x --json >"$WORK/out" 2>"$WORK/err" && fail "made twice"
jq -e '.error.code == "conflict" and .error.text' "$WORK/err" >/dev/null || fail "no JSON error: $(cat "$WORK/err")"
[ ! -s "$WORK/out" ] || fail "an error on standard output"
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/other.img" 100000 2 0
release_publish v1 1 "$WORK/v1.img"
expect 1 '' slipway image upload "$WORK/other.img"
expect 1 '' slipway image upload "$WORK/missing.img"
expect 1 '' slipway repo push "$WORK/1.targets.json"
expect 0 "$(sha "$WORK/v1.img")" slipway image list
expect 0 'length: 100000' slipway image show "$(sha "$WORK/v1.img")"
expect 0 'targets' slipway repo status

say "a simulated fleet comes back as itself"
CLAIM=$(claim_new 7)
simulate() { slipway fleet simulate --claim "$CLAIM" --count 7 --hwid "$HWID" --root "$WORK/1.root.json" --installed v1 --seed "$1" --until-idle --json; }
simulate 3 >"$WORK/first.json"
[ "$(jq .claimed "$WORK/first.json")" = 7 ] || fail "not all claimed: $(cat "$WORK/first.json")"
slipway device list --json | jq -r '.items[].device' | sort >"$WORK/ids"
simulate 3 >"$WORK/second.json"
[ "$(jq .claimed "$WORK/second.json")" = 7 ] || fail "the same keys were refused: $(cat "$WORK/second.json")"
slipway device list --json | jq -r '.items[].device' | sort | cmp - "$WORK/ids" || fail "another run made other devices"
expect 0 v1 slipway device list
[ "$(slipway device list --limit 3 --json | jq '.items | length')" = 3 ] || fail "--limit"
expect 0 'production' slipway device show "$(head -n 1 "$WORK/ids")"
expect 1 '' slipway device show nothing

say "watching"
id=$(deploy_create v1 --phases 50%,100% --soak 1h)
background watcher slipway deploy watch "$id"
watcher=$!
until_true 20 "the watcher sees it" grep -q '^running' "$WORK/watcher.log"
server_stop
server_start
slipway deploy abort "$id" >/dev/null
status=0
wait "$watcher" || status=$?
[ "$status" = 1 ] || fail "watch ended with $status after an abort: $(cat "$WORK/watcher.log")"
grep -q '^aborted' "$WORK/watcher.log" || fail "watch said: $(cat "$WORK/watcher.log")"

say "a release that fails everywhere: watch says why and ends with 1"
image_edit "$WORK/v1.img" "$WORK/v2.img" 2 0
release_publish v2 2 "$WORK/v2.img"
background simulator slipway fleet simulate --claim "$CLAIM" --count 7 --hwid "$HWID" --root "$WORK/1.root.json" \
    --installed v1 --seed 3 --fail v2=100
id=$(deploy_create v2 --phases 100% --min-finished 7)
expect 1 'HEALTH' slipway deploy watch "$id"
grep -q '^halted' "$WORK/said" || fail "watch said: $(cat "$WORK/said")"
expect 0 'HEALTH' slipway deploy devices "$id" --state rolled-back
[ "$(slipway deploy devices "$id" --state rolled-back --json | jq '.items | length')" = 7 ] || fail "not seven rolled back"
expect 1 '' slipway deploy watch "$id" --json
jq -e '.state == "halted" and .halt' "$WORK/said" >/dev/null || fail "no JSON: $(cat "$WORK/said")"
expect 0 'HEALTH' slipway report list --deployment "$id"
expect 0 'rolled-back' slipway device show "$(head -n 1 "$WORK/ids")"

say "salts"
first=$(head -n 1 "$WORK/ids")
salt=$(slipway deploy salt --group "$GROUP" --phase-percent 50 --first "$first" --others 2-3 --json)
jq -e '.others >= 2 and .others <= 3' <<<"$salt" >/dev/null || fail "the salt: $salt"
expect 1 'not in this group' slipway deploy salt --group "$GROUP" --phase-percent 5 --first "$(printf '0%.0s' $(seq 64))"
