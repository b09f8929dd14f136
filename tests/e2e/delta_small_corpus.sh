#!/usr/bin/env bash
# The ten real pairs of the small corpus: each patch is at most as large as its goal in
# tests/bench/delta.goals, and applying it gives the new image again. Prints the table.
set -u
build=${1:?usage: $0 BUILD_DIR}
root=$(cd "$(dirname "$0")/../.." && pwd)
deltagen=$(cd "$build" && pwd)/deltagen
corpus=${SLIPWAY_SHARED:-$root/../shared}/corpus/small.tar.xz
[ -f "$corpus" ] || { echo "SKIP: no image pairs at $corpus (set SLIPWAY_SHARED)"; exit 77; }
command -v bsdiff >/dev/null || { echo "SKIP: bsdiff is not installed"; exit 77; }

work=$(mktemp -d /tmp/slipway-delta-XXXXXX)
trap 'rm -rf "$work"' EXIT
tar -xJf "$corpus" -C "$work" || exit 1
mapfile -t pairs < <(find "$work" -type f -name old -printf '%h\n' | sort)
[ "${#pairs[@]}" -ge 10 ] || { echo "the corpus has ${#pairs[@]} pairs, not ten"; exit 1; }
# Sanitizers are slow: three small pairs of different sorts have to do.
case $build in
*asan*) mapfile -t pairs < <(printf '%s\n' "${pairs[@]}" | grep -E '/(elf-sshd|fw-ath9k|fw-seabios)$') ;;
esac

size() { stat -c %s "$1"; }
bad=0
fail() { echo "FAILED $*"; bad=1; }

printf '%-24s %10s %10s %10s %10s  %5s  %s\n' pair old new bsdiff deltagen ratio codec
for pair in "${pairs[@]}"; do
    name=${pair##*/}
    bsdiff "$pair/old" "$pair/new" "$pair/bsdiff" || { fail "$name: bsdiff"; continue; }
    "$deltagen" diff --json "$pair/old" "$pair/new" "$pair/patch" >"$pair/json" || { fail "$name: diff"; continue; }
    theirs=$(size "$pair/bsdiff") ours=$(size "$pair/patch")
    codec=$(sed -E 's/.*"codec":"([a-z]+)".*/\1/' "$pair/json")
    printf '%-24s %10d %10d %10d %10d  %d.%03d  %s\n' "$name" "$(size "$pair/old")" "$(size "$pair/new")" \
        "$theirs" "$ours" $((ours / theirs)) $((ours * 1000 / theirs % 1000)) "$codec"
    goal=$(awk -F'\t' -v name="$name" '$1 == name {print $2}' "$root/tests/bench/delta.goals")
    [ "$ours" -le "${goal:-0}" ] || fail "$name: $ours bytes are more than the goal, ${goal:-none}"
    grep -q "\"patch_bytes\":$ours," "$pair/json" || fail "$name: diff --json tells another size"

    "$deltagen" apply "$pair/old" "$pair/patch" "$pair/made" >/dev/null && cmp "$pair/made" "$pair/new" ||
        fail "$name: apply"
    "$deltagen" verify "$pair/old" "$pair/patch" "$pair/new" >/dev/null || fail "$name: verify"
    "$deltagen" verify "$pair/old" "$pair/patch" "$pair/old" >/dev/null 2>&1 && fail "$name: verify accepts another image"
    "$deltagen" info --json "$pair/patch" | grep -q "\"new_bytes\":$(size "$pair/new")," || fail "$name: info"
done

# The other codecs, and what is refused, on one pair.
pair=${pairs[0]}
for codec in zlib zstd cm stored; do
    "$deltagen" diff --codec $codec "$pair/old" "$pair/new" "$pair/patch.$codec" >/dev/null &&
        "$deltagen" apply "$pair/old" "$pair/patch.$codec" "$pair/made" >/dev/null &&
        cmp "$pair/made" "$pair/new" || fail "codec $codec"
done
rm -f "$pair/made"
"$deltagen" full "$pair/new" "$pair/full" >/dev/null || fail "full"
"$deltagen" apply "$deltagen" "$pair/full" "$pair/made" >/dev/null && cmp "$pair/made" "$pair/new" ||
    fail "a full image is not made whatever the old one is"

# In place, killed again and again: what was begun is finished, and another patch is refused before.
room=$(($(size "$pair/new") * 6 / 5))
"$deltagen" diff --in-place $room "$pair/old" "$pair/new" "$pair/one-slot" >/dev/null || fail "diff --in-place"
"$deltagen" apply "$pair/old" "$pair/one-slot" "$pair/made" >/dev/null && cmp "$pair/made" "$pair/new" ||
    fail "a patch for one slot is no good for two"
cp "$pair/old" "$pair/flash"
"$deltagen" update "$pair/flash" "$pair/patch" >/dev/null 2>"$pair/error"
[ $? = 1 ] && grep -q DELTA_FORMAT "$pair/error" && cmp -s "$pair/flash" "$pair/old" ||
    fail "a patch for two slots is not refused in place"
kills=0
for try in $(seq 200); do
    "$deltagen" update "$pair/flash" "$pair/one-slot" >/dev/null 2>"$pair/error" &
    sleep 0.0$((RANDOM % 90 + 10))
    kill -9 $! 2>/dev/null && kills=$((kills + 1))
    wait $! 2>/dev/null && break
done
[ "$kills" -gt 0 ] || echo "no update was slow enough to be killed"
"$deltagen" update "$pair/flash" "$pair/one-slot" >/dev/null 2>"$pair/error" && cmp "$pair/flash" "$pair/new" ||
    fail "update in place after $kills kills: $(cat "$pair/error")"
[ -e "$pair/flash.journal" ] && fail "the journal stays behind"
rm -f "$pair/made"
head -c 1000 "$pair/patch" >"$pair/cut"
"$deltagen" apply "$pair/old" "$pair/cut" "$pair/made" >/dev/null 2>"$pair/error"
[ $? = 1 ] && grep -q DELTA_FORMAT "$pair/error" || fail "a patch cut short is not refused as DELTA_FORMAT"
"$deltagen" apply "$pair/new" "$pair/patch" "$pair/made" >/dev/null 2>"$pair/error"
[ $? = 1 ] && grep -q DELTA_BASE "$pair/error" || fail "a patch for another image is not refused as DELTA_BASE"
[ -e "$pair/made" ] && fail "a refused patch leaves a file"
[ -n "$(find "$pair" -name '*.part-*')" ] && fail "a refused patch leaves a temporary file"
"$deltagen" diff --codec xz "$pair/old" "$pair/new" "$pair/made" >/dev/null 2>&1
[ $? = 2 ] || fail "an unknown codec is not wrong usage"
"$deltagen" --help | grep -q 'examples:' || fail "--help has no examples"
exit $bad
