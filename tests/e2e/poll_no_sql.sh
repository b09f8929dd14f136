#!/usr/bin/env bash
# Polls are answered from memory: 10,000 of them, of devices with and without an open offer, move
# no count of any database statement but the batches of last-seen times and what the clock asks
# by itself.
. "$(dirname "$0")/support.sh" "$1"
POLLS=10000
server_start
fleet_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
release_publish v1 1 "$WORK/v1.img"
release_publish v2 2 "$WORK/v2.img"
V1=$(sha "$WORK/v1.img") V2=$(sha "$WORK/v2.img")

counts() { # NAME COUNT, of every statement; published once a second by each worker
    sleep 2.2
    curl -sS --fail "$URL/metrics" | sed -n 's/^slipway_database_statement_total{name="\([a-z_]*\)"} \([0-9]*\)$/\1 \2/p' | sort
}
joined() { grep -q joined "$WORK/$1"; }
# poll_all NAME IMAGE: a device joins, the counts are taken, it polls, the counts are taken again
poll_all() {
    mkfifo "$WORK/$1.go"
    poller 127.0.0.1 "$PORT" "$(claim_new 1)" "$HWID" "$2" "$POLLS" <"$WORK/$1.go" >"$WORK/$1" &
    local pid=$!
    exec 9>"$WORK/$1.go"
    until_true 30 "the device joined" joined "$1"
    counts >"$WORK/$1.before"
    echo go >&9
    exec 9>&-
    wait "$pid" || fail "$1: not every poll was answered: $(cat "$WORK/$1")"
    counts >"$WORK/$1.after"
    # What stands in the second and not, or with another count, in the first.
    moved=$(comm -13 "$WORK/$1.before" "$WORK/$1.after" | cut -d' ' -f1)
    for name in $moved; do
        case $name in
        seen_write | seen_silent) ;;                  # written behind
        model_version | tick_*) ;;    # the clock, with or without polls
        delta_* | repo_* | token_*) ;; # the other jobs
        delivery_* | notice_* | figures_* | collect_* | recount_* | retention_* | symbol_*) ;;
        *) fail "$1: polls moved statement '$name': $(grep "^$name " "$WORK/$1.before" "$WORK/$1.after" | tr '\n' ' ')" ;;
        esac
    done
    # The clock's statements are counted by time, not by polls.
    for name in model_version tick_deployments tick_strata tick_health tick_before tick_walk; do
        [ "$(join "$WORK/$1.before" "$WORK/$1.after" | awk -v n=$name '$1 == n { print $3 - $2 }')" -lt $((POLLS / 10)) ] 2>/dev/null ||
            [ -z "$(grep "^$name " "$WORK/$1.after")" ] || fail "$1: $name moved with the polls"
    done
    say "$1: $POLLS polls; statements that moved by themselves: $(echo $moved)"
}
poll_all idle "$V1"
deploy_create v2 --phases 100% >/dev/null
poll_all offered "$V1"
poll_all current "$V2"
