#!/usr/bin/env bash
# Images beyond 2^31 and 2^32 bytes, by hand: `make check-large`. Two pairs, made here and removed:
# sparse files of 5 GiB with pieces that lie across both boundaries and move, and 2.5 GiB without a
# hole, of which parts change, move and are new. Each patch is made, verified and applied; prints
# its size, processor seconds and the most memory that was not a mapped file. Takes some minutes and
# 13 GiB of disk.
set -u
build=${1:?usage: $0 BUILD_DIR}
deltagen=$(cd "$build" && pwd)/deltagen
work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-large-XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAILED $*"; bad=1; }
MEMORY=1G
GENERATE_MB=1200 # of memory: --memory and what does not count
GIB=$((1 << 30))

# noise NAME SEED BYTES: the same bytes on every machine
noise() { openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass "pass:$2" </dev/zero 2>/dev/null | head -c "$3" >"$1"; }
put() { dd if="$1" of="$2" bs=64K seek="$3" oflag=seek_bytes conv=notrunc status=none; }

# measured NAME COMMAND...: processor seconds and anonymous memory
measured() {
    local name=$1 pid most=0 now status
    shift
    "$@" >"$work/out" 2>&1 &
    pid=$!
    while now=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
        [ "$now" -gt "$most" ] && most=$now
        read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ <"/proc/$pid/stat" 2>/dev/null || break
        sleep 0.2
    done
    wait "$pid"
    status=$?
    anon_mb=$((most / 1024))
    printf '%-22s %7d s CPU %6d MB\n' "$name" $(((user + system) / $(getconf CLK_TCK))) "$anon_mb"
    [ "$status" = 0 ] || { fail "$name: $(tail -n 3 "$work/out")"; return 1; }
}

try() { # NAME PATCH_BYTES_MAX
    measured "$1 diff" "$deltagen" diff --memory $MEMORY "$work/old" "$work/new" "$work/patch" || return
    [ "$anon_mb" -le "$GENERATE_MB" ] || fail "$1: more memory than $GENERATE_MB MB"
    echo "$1: $(stat -c %s "$work/old") -> $(stat -c %s "$work/new") bytes, patch $(stat -c %s "$work/patch")"
    [ "$(stat -c %s "$work/patch")" -le "$2" ] || fail "$1: the patch is larger than $2"
    measured "$1 apply" "$deltagen" apply "$work/old" "$work/patch" "$work/made" || return
    cmp "$work/made" "$work/new" || fail "$1: another image came out"
    rm -f "$work/made"
}

noise "$work/noise" slipway $((5 * GIB / 2 + 40000))
piece() { tail -c +$(($2 + 1)) "$work/noise" | head -c "$3" >"$work/$1"; }
piece a 0 10000
piece b 10000 10000
piece c 20000 5000
truncate -s $((5 * GIB)) "$work/old"
put "$work/a" "$work/old" $((2 * GIB - 5000))
put "$work/b" "$work/old" $((4 * GIB - 5000))
put "$work/c" "$work/old" $((5 * GIB - 5000))
truncate -s $((5 * GIB + 777)) "$work/new"
put "$work/a" "$work/new" $((2 * GIB - 2000))
put "$work/b" "$work/new" $((4 * GIB - 5100))
put "$work/c" "$work/new" $((4 * GIB + 500001))
try "5 GiB, sparse" 5000

rm "$work/old" "$work/new"
tail -c +40001 "$work/noise" >"$work/old"
{
    head -c $GIB "$work/old"
    cat "$work/a"
    tail -c +$((GIB + 1)) "$work/old" | head -c $((GIB / 2))
    tail -c $GIB "$work/old"
} >"$work/new"
rm "$work/noise"
for at in 1 1000000 $((2 * GIB - 1)) $((2 * GIB)) $((2 * GIB + 70000)); do
    printf x | dd of="$work/new" bs=1 seek="$at" conv=notrunc status=none
done
try "2.5 GiB" 13000
exit $bad
