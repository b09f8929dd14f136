#!/usr/bin/env bash
# The attack table's cases that need bad luck beside the device: a wrong clock (T51), a
# false answer about the time (T52), a disk that forgets (T54), silence (T23). Each ends with its own
# code in the agent's status and in the server's record; what was trusted is trusted still.
. "$(dirname "$0")/support.sh" "$1"
[ -f "$BUILD/agent-preload.so" ] || skip "no agent-preload.so"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
LUCK=$WORK/luck # what agent-preload.so does now; see there
YEAR=$((365 * 86400))
luck() { printf '%s\n' "$@" >"$LUCK.new" && mv "$LUCK.new" "$LUCK"; } # "WORD NUMBER"...
unlucky() { # NAME COMMAND...: the agent as device NAME has it
    env LD_PRELOAD="$BUILD/agent-preload.so" AGENT_PRELOAD="$LUCK" AGENT_PRELOAD_SLOT="$WORK/$1/slot-b" "${@:2}"
}
check() { unlucky "$1" "$BUILD/slipway-agent" check --state "$WORK/$1/state" --slot a >>"$WORK/check.log" 2>&1 || true; } # NAME
rule() { printf '%s/%s.%s' "$WORK/rules" "$(rule_name "$1")" "$2"; }
serve() { cat >"$WORK/serve.new" && mv "$WORK/serve.new" "$(rule "$1" body)"; } # PATH <body
reasons_of() { slipway report list --device "$(device_id "$1")" --json | jq -r '.items[].reason'; } # NAME
count_of() { reasons_of "$1" | grep -c "^$2$" || true; }                                            # NAME CODE
trusted_time() { device_field "$1" .trust.trusted_time; }
# What KEPT names may be changed by no refusal.
# shellcheck disable=SC2086
kept() { (cd "$WORK/$1" && find $KEPT -type f | sort | xargs sha256sum); } # NAME
attacks=0
# refuses ID CODE NAME WHAT: one check; then CODE is in the status and in the server's record
refuses() {
    local before now
    before=$(count_of "$3" "$2")
    kept "$3" >"$WORK/kept"
    check "$3"
    device_refusal "$3" "$2" || fail "$1 $4: the status says $(device_field "$3" .last_refusal), $(tail -n 5 "$WORK/check.log")"
    now=$(count_of "$3" "$2")
    [ "$now" = "$((before + 1))" ] || fail "$1 $4: the server heard $(reasons_of "$3" | tr '\n' ' ')"
    kept "$3" | diff "$WORK/kept" - || fail "$1 $4: something else is trusted now"
    attacks=$((attacks + 1))
    say "$1 refused $2: $4"
}

server_start
solo_start
proxy_start
luck
for v in 0 1 2; do image_make "$WORK/v$v.img" 100000 "$((v + 1))" 0; done
V2=$(sha "$WORK/v2.img")
solo_publish v1 1 "$WORK/v1.img"

say "a disk that forgets"
device_provision disk "$WORK/v1.img" "$PROXY"
check disk
solo_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100% --failed-percent 0 --min-finished 1)
luck "flip 50000"
KEPT=slot-a # the metadata is honest and goes on; the boot file says that b is empty
refuses T54 INSTALL_READBACK disk "a bit of the slot is not what was written"
DISK=$(device_id disk)
deploy_device_is "$id" "$DISK" failed || fail "T54: the server says $(deploy_device "$id" "$DISK")"
[ "$(device_field disk ".slots.a.boot, .slots.b.boot" | tr "\n" " ")" = "good empty " ] || fail "T54: the loader is told $(device_field disk .slots)"
until_true 30 "the deployment halts" deploy_is "$id" halted

say "the same disk in better health"
luck
id=$(deploy_create v2 --phases 100%)
device_start disk
until_true 60 "the device runs v2" device_runs disk "$V2"
until_true 30 "v2 is finished" deploy_is "$id" finished
KEPT="state/metadata state/director slot-a boot"

# A device with a system that nobody signed walks the metadata at every check.
GROUP=board/development
device_provision clock "$WORK/v0.img" "$PROXY"
check clock
[ "$(device_field clock .trust.anchors_version)" = 1 ] || fail "the anchors were not learnt: $(cat "$WORK/check.log")"
time=/device/v1/time
attested() { # TIMES, WHAT: so often the server was believed, and trusted time is about now
    [ "$(grep -c agent.time_attested "$WORK/check.log")" = "$1" ] || fail "$2: the attested time was not taken: $(tail -n 5 "$WORK/check.log")"
    [ ! "$(trusted_time clock)" \< "$before" ] || fail "$2: trusted time went from $before to $(trusted_time clock)"
    [ "$(trusted_time clock)" \< "$(date -u -d '+1 hour' +%FT%TZ)" ] || fail "$2: trusted time went to $(trusted_time clock)"
}

before=$(trusted_time clock)
echo 503 >"$(rule $time status)" # nobody attests the time
luck "clock -$YEAR"
check clock
[ "$(device_field clock .last_refusal)" = NONE ] || fail "T51: refused $(device_field clock .last_refusal)"
[ "$(device_field clock .trust.walked)" = "$before" ] || fail "T51: not walked at the trusted time: $(tail -n 5 "$WORK/check.log")"
[ "$(trusted_time clock)" = "$before" ] || fail "T51: trusted time went from $before to $(trusted_time clock)"
attacks=$((attacks + 1))
say "T51 holds: a clock a year back; nothing expires for it, and trusted time stays"
luck "clock $((10 * YEAR))"
refuses T51 TIME_JUMP clock "a clock ten years ahead"
[ "$(trusted_time clock)" = "$before" ] || fail "T51: trusted time went from $before to $(trusted_time clock)"
rm "$(rule $time status)"
check clock # the clock is as wrong
attested 1 T51
[ "$(count_of clock TIME_JUMP)" = 1 ] || fail "T51: refused although the time was attested"

say "whose clock is wrong asks for the time, and takes no other answer than its own"
luck "clock -$YEAR"
ask() { # NONCE: what the server attests for another question
    curl -sS --fail -X POST -H 'Content-Type: application/json' "$URL$time" -d "{\"nonce\":\"$1\",\"tenant\":\"default\"}"
}
ask "$(printf '5a%.0s' $(seq 32))" >"$WORK/answer"
before=$(trusted_time clock)
serve $time <"$WORK/answer"
refuses T52 TIME_NONCE clock "an answer to another question"
jq -c .signed "$WORK/answer" | forge "$(printf '66%.0s' $(seq 32))" | serve $time
refuses T52 TIME_SIGNATURE clock "an answer signed by somebody else"
rm -f "$WORK"/rules/*
luck "clock -$YEAR" "step 300"
refuses T52 TIME_LATE clock "an answer five minutes late"
[ "$(trusted_time clock)" = "$before" ] || fail "T52: trusted time went from $before to $(trusted_time clock)"
luck "clock -$YEAR"
check clock
attested 2 T52

say "silence"
before=$(trusted_time clock)
server_stop
luck "clock $((73 * 3600))"
kept clock >"$WORK/kept"
check clock
device_refusal clock NO_FRESH_METADATA || fail "T23: the status says $(device_field clock .last_refusal)"
unlucky clock "$BUILD/slipway-agent" status --state "$WORK/clock/state" | grep -q 'no fresh metadata for 73 hours' || fail "T23: the owner is not told"
[ "$(trusted_time clock)" = "$before" ] || fail "T23: trusted time moved to $(trusted_time clock) without an answer"
kept clock | diff "$WORK/kept" - || fail "T23: something else is trusted now"
luck
server_start
check clock
[ "$(count_of clock NO_FRESH_METADATA)" = 1 ] || fail "T23: the server heard $(reasons_of clock | tr '\n' ' ')"
attacks=$((attacks + 1))
say "T23 told NO_FRESH_METADATA: 73 hours without the server"
[ "$attacks" = 7 ] || fail "only $attacks attacks were tried"
say "$attacks attacks refused, each with its own code"
