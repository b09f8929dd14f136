# shellcheck shell=bash
# What every story needs: a scratch folder, a private server, keys, images, devices. Sourced.
#   . tests/e2e/support.sh "$1"      $1 = build folder, e.g. build/release
# A story ends with the status of its first failing command; everything it started is stopped.
set -euo pipefail
[ "${BASH_VERSINFO[0]}" -ge 5 ] || { echo "bash 5 is needed"; exit 1; }
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=$(cd "${1:?usage: story BUILD}" && pwd)
WORK=$(mktemp -d /tmp/slipway-story-XXXXXX)
export SLIPWAY_DEV_DIR=$WORK/var
export PATH=$BUILD:$PATH
HWID=story-board
PIDS=()
SERVER_PID=

case $BUILD in */asan) SLOW=4 ;; *) SLOW=1 ;; esac # sanitizers take their time

say() { printf '%s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*"; exit 1; }
skip() { printf '%s\n' "$*"; exit 77; }

cleanup() {
    local status=$?
    trap - EXIT
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${PIDS[@]}"; do
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
    done
    server_stop || true
    if [ "$status" != 0 ] && [ "$status" != 77 ]; then
        tail -n 30 "$WORK"/*.log 2>/dev/null || true
    fi
    [ -n "${KEEP_WORK:-}" ] || rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

background() { # NAME COMMAND...: runs it, remembers it, leaves its output in NAME.log; pid in $!
    local name=$1
    shift
    "$@" >>"$WORK/$name.log" 2>&1 </dev/null &
    PIDS+=("$!")
}

# until_true SECONDS WHAT COMMAND...: polls until the command succeeds
until_true() {
    local seconds=$(($1 * SLOW)) what=$2 deadline
    shift 2
    deadline=$((SECONDS + seconds))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "waited $seconds s for: $what"
        sleep 0.1
    done
}

# A process that ended but was not collected by its parent is not alive.
alive() { grep -qs '^State:[[:space:]]*[^[:space:]Z]' "/proc/$1/status"; } # PID

# kill_now PID: it is gone when this returns, and the shell has nothing to say about it
kill_now() {
    disown "$1" 2>/dev/null || true
    kill -9 "$1"
    while alive "$1"; do sleep 0.02; done
}

# --- the server --------------------------------------------------------------------------------
server_ready() { [ -s "$WORK/var/dev.json" ] && [ "$(jq -r .pid "$WORK/var/dev.json" 2>/dev/null)" = "$SERVER_PID" ]; }
server_start() { # the same port again after the first start
    SLIPWAY_LISTEN_PORT=${PORT:-0} slipwayd --dev --dir "$WORK/var" >>"$WORK/server.log" 2>&1 </dev/null &
    SERVER_PID=$!
    until_true 60 "slipwayd --dev is ready" server_ready
    URL=$(jq -r .url "$WORK/var/dev.json")
    TOKEN=$(jq -r .token "$WORK/var/dev.json")
    PORT=${URL##*:}
    export URL TOKEN PORT
}
server_stop() {
    [ -n "$SERVER_PID" ] || return 0
    kill "$SERVER_PID" 2>/dev/null || true
    for _ in $(seq $((200 * SLOW))); do kill -0 "$SERVER_PID" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$SERVER_PID" 2>/dev/null || true
    wait "$SERVER_PID" 2>/dev/null || true
    SERVER_PID=
}
server_kill() { kill_now "$SERVER_PID"; SERVER_PID=; }
api() { # METHOD PATH [curl arguments]: prints the answer's body, fails on 4xx and 5xx
    local method=$1 path=$2
    shift 2
    curl -sS --fail-with-body -X "$method" -H "Authorization: Bearer $TOKEN" "$@" "$URL$path"
}
sql() { # a look into the database that no client has
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    PGOPTIONS='-c client_min_messages=warning' "$bin/psql" -X -q -At "$(jq -r .database "$WORK/var/dev.json")" -c "$1"
}

# --- a fleet's beginnings ------------------------------------------------------------------------
# fleet_start: keys, root, product "board" with component "base-os", group poll interval 1 s
fleet_start() {
    slipway keys new --dir "$WORK/keys" >/dev/null
    slipway repo online-keys --out "$WORK/online.json" >/dev/null
    slipway sign root --keys "$WORK/keys" --online "$WORK/online.json" --out "$WORK/1.root.json" >/dev/null
    slipway repo push "$WORK/1.root.json" >/dev/null
    slipway product create board --hwid "$HWID" >/dev/null
    slipway component create --product board --type os base-os >/dev/null
    GROUP=board/production
    slipway group set "$GROUP" --poll-interval 1 >/dev/null
    TARGETS=0
}
# release_publish VERSION COUNTER FILE: signs, pushes, uploads, makes release VERSION
release_publish() {
    local previous=()
    [ "$TARGETS" = 0 ] || previous=(--previous "$WORK/$TARGETS.targets.json")
    TARGETS=$((TARGETS + 1))
    slipway sign release --keys "$WORK/keys" --root "$WORK/1.root.json" "${previous[@]}" \
        --out "$WORK/$TARGETS.targets.json" --component base-os --version "$1" --counter "$2" \
        --hwid "$HWID" "$3" >/dev/null
    slipway repo push "$WORK/$TARGETS.targets.json" >/dev/null
    slipway image upload "$3" >/dev/null
    slipway release create "$1" --product board --image "$3" >/dev/null
}
# The same with delegations and a director: one owner's keys, by the profile `solo`.
solo_start() {
    slipway init --profile solo --product board --hwid "$HWID" --component base-os --keys "$WORK/keys" --yes >"$WORK/init.log"
    cp "$WORK/keys/root.json" "$WORK/1.root.json"
    GROUP=board/production
    slipway group set "$GROUP" --poll-interval 1 >/dev/null
}
solo_publish() { # VERSION COUNTER FILE [options]
    slipway release publish "$3" --keys "$WORK/keys" --product board --version "$1" --counter "$2" --yes "${@:4}" >/dev/null
}
claim_new() { slipway claim new --group "$GROUP" --count "$1" --json | jq -r .token; } # COUNT
sha() { sha256sum "$1" | cut -d' ' -f1; }

# image_make FILE BYTES SEED HEALTH: a small "system": its health script (exit status HEALTH) in
# the first 4 KiB, then bytes that are the same for the same seed
image_make() {
    seeded_bytes "$3" "$(($2 - 4096))" >"$1.body"
    { printf '#!/bin/sh\nexit %s\n' "$4"; head -c 4096 /dev/zero; } | head -c 4096 >"$1"
    cat "$1.body" >>"$1"
    rm -f "$1.body"
}
seeded_bytes() { openssl enc -aes-128-ctr -K "$(printf %032x "$1")" -iv 00 -nosalt -in /dev/zero 2>/dev/null | head -c "$2" || true; }
# image_edit FROM TO SEED HEALTH: the same system with some changed places
image_edit() {
    cp "$1" "$2"
    local size offset i
    size=$(stat -c %s "$1")
    for i in $(seq 20); do
        offset=$((4096 + (i * 7919 * $3) % (size - 8192)))
        seeded_bytes "$(($3 * 100 + i))" 64 | dd of="$2" bs=1 seek="$offset" conv=notrunc status=none
    done
    { printf '#!/bin/sh\nexit %s\n' "$4"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$2" conv=notrunc status=none
}

# --- devices with file slots ---------------------------------------------------------------------
# The slot's first 4 KiB hold its health script; "mounting" it means taking that out.
unpack_small() { # written once, used by the loader as --unpack
    cat >"$WORK/unpack" <<'U'
#!/bin/sh
mkdir -p "$2/usr/lib/slipway" && head -c 4096 "$1" | tr -d '\000' >"$2/usr/lib/slipway/health.new" &&
    chmod 755 "$2/usr/lib/slipway/health.new" && mv "$2/usr/lib/slipway/health.new" "$2/usr/lib/slipway/health"
U
    chmod 755 "$WORK/unpack"
}
# device_provision NAME FACTORY_IMAGE [server url]
device_provision() {
    local dir=$WORK/$1 size=${SLOT_BYTES:-$(stat -c %s "$2")}
    mkdir -p "$dir"
    cp "$2" "$dir/slot-a"
    truncate -s "$size" "$dir/slot-a"
    truncate -s "$size" "$dir/slot-b"
    [ -x "$WORK/unpack" ] || unpack_small
    slipway-agent provision --server "${3:-$URL}" --claim "$(claim_new 1)" --root "$WORK/1.root.json" \
        --hwid "$HWID" --state "$dir/state" --slot-a "$dir/slot-a" --slot-b "$dir/slot-b" --boot-file "$dir/boot" ${PROVISION_OPTIONS:-} >/dev/null
}
# device_start NAME: the loader starts the agent; a death of the agent at any moment is a power cut
device_start() {
    local dir=$WORK/$1
    background "$1" file-loader --boot "$dir/boot" --slot-a "$dir/slot-a" --slot-b "$dir/slot-b" \
        --unpack "${UNPACK:-$WORK/unpack}" --root-dir "$dir/root" ${LOADER_OPTIONS:-} -- \
        "$BUILD/slipway-agent" run --state "$dir/state" --first-poll-ms 0
}
device_status() { slipway-agent status --state "$WORK/$1/state" --json; }
device_field() { device_status "$1" | jq -r "$2"; } # NAME JQ
device_id() { device_field "$1" .device; }
device_runs() { [ "$(device_field "$1" .installed.sha256)" = "$2" ]; } # NAME SHA
device_refusal() { [ "$(device_field "$1" .last_refusal)" = "$2" ]; } # NAME CODE
# deploy_create RELEASE [options]: prints the deployment's id
deploy_create() {
    local release=$1
    shift
    slipway deploy create --group "$GROUP" --release "$release" "$@" --json | jq -r .id
}
deploy_field() { slipway deploy show "$1" --json | jq -r "$2"; }       # ID JQ
deploy_is() { [ "$(deploy_field "$1" .state)" = "$2" ]; }             # ID STATE
deploy_device() { slipway deploy devices "$1" --json | jq -r --arg d "$2" '.items[] | select(.device == $d) | .state'; }
deploy_device_is() { [ "$(deploy_device "$1" "$2")" = "$3" ]; }       # ID DEVICE STATE
delta_of() { slipway delta list --json | jq -r --arg from "$1" --arg to "$2" '.items[] | select(.from == $from and .to == $to) | .state'; }
delta_kept() { [ "$(delta_of "$1" "$2")" = kept ]; }                  # FROM TO
slot_holds() { [ "$(head -c "$4" "$WORK/$1/slot-$2" | sha256sum | cut -d' ' -f1)" = "$3" ]; } # NAME SLOT SHA LENGTH

# --- a hostile network ---------------------------------------------------------------------------
proxy_start() { # sets PROXY; rules go to $WORK/rules, the log is $WORK/proxy.requests
    mkdir -p "$WORK/rules"
    tamper-proxy "$WORK/rules" "$WORK/proxy.requests" 127.0.0.1 "$PORT" >"$WORK/proxy.port" 2>"$WORK/proxy.log" </dev/null &
    PIDS+=("$!")
    until_true 10 "the proxy listens" test -s "$WORK/proxy.port"
    PROXY=http://127.0.0.1:$(cat "$WORK/proxy.port")
}
rule_name() { printf '%s' "$1" | tr / %; } # /t/x -> %t%x
