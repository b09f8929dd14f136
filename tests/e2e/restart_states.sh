#!/usr/bin/env bash
# A deployment in every state there is, each in a group of its own, while the server is killed and
# while the database is: what was said stays said, nothing moves that may not, a soak goes on from
# where it was. Afterwards each goes on to its own end, with every device counted once.
. "$(dirname "$0")/support.sh" "$1"
STATES="draft scheduled awaiting-approval running soaking paused halted rolling-back finished aborted"
PER=4
server_start
solo_start
for v in 1 2 3; do image_make "$WORK/v$v.img" 20000 "$v" 0; done
solo_publish v1 1 "$WORK/v1.img"
(umask 077 && slipway token new --name Ann --role approver --json | jq -r .token >"$WORK/ann")
seed=0
for state in $STATES; do
    GROUP=board/$state
    seed=$((seed + 1)) # devices of their own
    slipway group create "$GROUP" >/dev/null
    slipway group set "$GROUP" --poll-interval 1 >/dev/null
    background simulator slipway fleet simulate --url "$URL" --claim "$(claim_new $PER)" --count $PER --hwid "$HWID" \
        --root "$WORK/1.root.json" --installed v1 --fail v3=100 --seed $seed
done
runs() { # STATE VERSION COUNT
    [ "$(sql "SELECT count(*) FROM device d JOIN device_group g ON g.id = d.group_id WHERE g.name = '$1' AND installed @> ARRAY['\\x$(sha "$WORK/$2.img")'::bytea]")" = "$3" ]
}
for state in $STATES; do until_true 60 "$PER devices run v1 in $state" runs "$state" v1 $PER; done
solo_publish v2 2 "$WORK/v2.img" --back-to 1
solo_publish v3 3 "$WORK/v3.img"

declare -A ID
make() { # STATE RELEASE [options]
    local state=$1
    shift
    GROUP=board/$state
    ID[$state]=$(deploy_create "$@")
}
field() { deploy_field "${ID[$1]}" "$2"; } # STATE JQ
is() { [ "$(field "$1" .state)" = "$2" ]; }
held() { [ "$(field "$1" .counts.succeeded)" = 2 ] && [ "$(field "$1" .settled)" != null ]; } # two have it, and the phase knows

make draft v2 --phases 100% --draft
make scheduled v2 --phases 100% --start "$(date -u -d '+1 hour' +%FT%TZ)"
make awaiting-approval v2 --phases 100% --security
make running v2 --phases 2:hold,100%
make soaking v2 --phases 2:1h,100%
make paused v2 --phases 2:hold,100%
make halted v3 --phases 100%
make rolling-back v1 --phases 100%
make finished v2 --phases 100%
make aborted v2 --phases 2:hold,100%
until_true 60 "v1 is a baseline" is rolling-back finished
make rolling-back v2 --phases 2:hold,100%
for state in running soaking paused rolling-back aborted; do until_true 60 "two have v2 in $state" held $state; done
until_true 60 "v3 is halted" is halted halted
until_true 60 "v2 is everywhere in finished" is finished finished
slipway deploy pause "${ID[paused]}" >/dev/null
slipway deploy abort "${ID[aborted]}" >/dev/null
slipway deploy stop-all --group board/rolling-back --reason "the story" >/dev/null
ID[rolling-back]=$(slipway deploy rollback "${ID[rolling-back]}" --json | jq -r .id)

# What may not change while nobody says anything.
look() {
    local state
    for state in $STATES; do
        slipway deploy show "${ID[$state]}" --json |
            jq -c --arg s "$state" '[$s, .state, .reason, .phase, .settled, .start, .touched, .counts, .phases, .halt.reason, .halt.seen.install]'
    done
    slipway group list --json | jq -c '.items[] | [.name, .baseline]' | sort
}
same_as() { # FILE WHEN: also after three polls of everybody
    sleep 3
    look >"$WORK/now"
    diff "$1" "$WORK/now" >"$WORK/moved" || fail "$2: $(cat "$WORK/moved")"
}
for state in $STATES; do
    case $state in soaking) is $state running ;; *) is $state $state ;; esac || fail "$state is $(field $state .state)"
done
sleep 3 # what was under way when somebody stopped it has ended
look >"$WORK/before"

say "the server is killed"
server_kill
server_start
same_as "$WORK/before" "after the server's death"

say "the database is killed under the server"
postgres_pid() { jq -r .pg_pid "$WORK/var/dev.json"; }
database_kill() { # and it is another one when this returns
    local pid answered
    pid=$(postgres_pid)
    kill -QUIT "$pid"
    gone() { ! alive "$pid"; }
    until_true 30 "PostgreSQL is gone" gone
    answered() { api GET /api/v1/products >/dev/null 2>&1; }
    until_true 60 "the server answers again" answered
}
database_kill
same_as "$WORK/before" "after the database's death"

say "both, and the database first"
pid=$(postgres_pid)
kill_now "$SERVER_PID"
kill -9 "$pid"
until_true 30 "PostgreSQL is gone" bash -c "! kill -0 $pid 2>/dev/null"
SERVER_PID=
server_start
same_as "$WORK/before" "after the death of both"

say "each goes on to its own end, over two more deaths"
slipway deploy abort "${ID[scheduled]}" >/dev/null
slipway deploy start "${ID[draft]}" >/dev/null
slipway deploy approve "${ID[awaiting-approval]}" --token-file "$WORK/ann" >/dev/null
slipway deploy advance "${ID[running]}" >/dev/null
slipway deploy resume "${ID[paused]}" >/dev/null
slipway deploy advance "${ID[paused]}" >/dev/null
slipway deploy allow-all --group board/rolling-back >/dev/null
server_kill
server_start
sql "UPDATE deployment SET settled_at = settled_at - interval '1 hour' WHERE public_id = '${ID[soaking]}'" # an hour goes by
database_kill
for state in draft awaiting-approval running soaking paused rolling-back; do
    until_true 90 "$state finishes" is $state finished
done
for state in draft awaiting-approval running soaking paused finished; do
    runs $state v2 $PER || fail "$state: not all run v2"
    [ "$(field $state '[.touched, .counts.succeeded] | @csv')" = "$PER,$PER" ] || fail "$state counted $(field $state .counts)"
done
for state in scheduled halted rolling-back; do runs $state v1 $PER || fail "$state: not all run v1"; done
[ "$(field rolling-back .counts.succeeded)" = 2 ] || fail "rolling back counted $(field rolling-back .counts)"
is scheduled aborted && is halted halted && is aborted aborted || fail "an end did not last"
[ "$(field aborted .touched)" = 2 ] && runs aborted v2 2 || fail "the aborted one touched $(field aborted .touched)"
say "ten states, five deaths of the server or its database, no device counted twice"
