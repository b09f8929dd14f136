#!/usr/bin/env bash
# Patches against every other tool that is installed, on a folder of image pairs: bytes, processor
# seconds and peak memory of making and applying. Each patch is applied and compared.
#   delta.sh BUILD CORPUS [REGEX]      one table on standard output
#   PEERS="bsdiff zstd"                only these run again; of the others, what was measured earlier
#   WRITE=1                            also writes it between the markers of docs/BENCHMARKS.md
# A pair is a folder with old* and new*, in CORPUS or CORPUS/pairs.
set -u
build=${1:?usage: $0 BUILD CORPUS [REGEX]}
corpus=${2:?usage: $0 BUILD CORPUS [REGEX]}
only=${3:-.}
root=$(cd "$(dirname "$0")/../.." && pwd)
deltagen=$(cd "$build" && pwd)/deltagen
[ -d "$corpus/pairs" ] && corpus=$corpus/pairs
work=$(mktemp -d /tmp/slipway-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
large=$((100 << 20)) # bytes above which bsdiff is not waited for

size() { stat -L -c %s "$1"; }
# timed NAME COMMAND...: its processor seconds and peak MiB to $work/NAME.time
timed() {
    local name=$1
    shift
    /usr/bin/time -q -f '%U %S %M' -o "$work/$name.time" "$@" >/dev/null 2>"$work/$name.err"
}
cost() { awk '{printf "%.1f s %d M", $1 + $2, $3 / 1024}' "$work/$1.time" 2>/dev/null || echo -; }
goal_of() { awk -F '\t' -v pair="$1" -v field="$2" '$1 == pair {print $field}' "$root/tests/bench/delta.goals"; }
group() { sed -E ':a;s/([0-9])([0-9]{3})($|,)/\1,\2\3/;ta' <<<"$1"; }

run_peer() { # TOOL OLD NEW: prints the bytes of its patch
    local tool=$1 old=$2 new=$3 out=$work/peer
    rm -f "$out"
    case $tool in
    bsdiff) [ "$(size "$old")" -gt "$large" ] || timed bsdiff bsdiff "$old" "$new" "$out" ;;
    xdelta3) timed xdelta3 xdelta3 -f -9 -S lzma -B 536870912 -e -s "$old" "$new" "$out" ;;
    zstd) timed zstd zstd -q -f -19 --long=31 --patch-from="$old" "$new" -o "$out" ;;
    hdiffz) timed hdiffz hdiffz -f -m-1 -c-lzma2-9-16m "$old" "$new" "$out" ;;
    esac
    [ -s "$out" ] && size "$out"
}

peers=
for tool in ${PEERS-bsdiff xdelta3 zstd hdiffz}; do command -v "$tool" >/dev/null && peers="$peers $tool"; done
{
    printf '| pair | new | deltagen | goal | best other tool | ours : its | class | make | apply | bsdiff makes |\n'
    printf '|---|---|---|---|---|---|---|---|---|---|\n'
} | tee "$work/table"
met=0 missed=0 beaten=0 bad=0
for dir in "$corpus"/*/; do
    name=$(basename "$dir")
    [[ $name =~ $only ]] || continue
    old=$(find "$dir" -maxdepth 1 -name 'old*' | head -n 1) new=$(find "$dir" -maxdepth 1 -name 'new*' | head -n 1)
    [ -n "$old" ] && [ -n "$new" ] || continue
    rm -f "$work"/*.time
    if ! timed make "$deltagen" diff --json "$old" "$new" "$work/patch"; then
        echo "FAILED $name: $(cat "$work/make.err")"
        bad=$((bad + 1))
        continue
    fi
    timed apply "$deltagen" apply "$old" "$work/patch" "$work/made" && cmp -s "$work/made" "$new" || {
        echo "FAILED $name: applied, it is another image"
        bad=$((bad + 1))
    }
    rm -f "$work/made"
    ours=$(size "$work/patch")
    class=$("$deltagen" info --json "$work/patch" | sed -E 's/.*"class":"([A-Z])".*/\1/')
    best=$(goal_of "$name" 4) by="$(goal_of "$name" 3) (earlier)" goal=$(goal_of "$name" 2)
    [ "$best" != - ] && [ -n "$best" ] || best=
    for tool in $peers; do
        theirs=$(run_peer "$tool" "$old" "$new")
        if [ -n "$theirs" ] && { [ -z "$best" ] || [ "$theirs" -lt "$best" ]; }; then best=$theirs by=$tool; fi
    done
    if [ -n "$goal" ]; then if [ "$ours" -le "$goal" ]; then met=$((met + 1)); else missed=$((missed + 1)); fi; fi
    [ -z "$best" ] || [ "$ours" -le "$best" ] || beaten=$((beaten + 1))
    printf '| %s | %s | %s%s | %s | %s %s | %s | %s | %s | %s | %s |\n' "$name" "$(group "$(size "$new")")" "$(group "$ours")" \
        "$([ -z "$goal" ] || [ "$ours" -le "$goal" ] || echo ' (missed)')" "$(group "${goal:--}")" "$(group "${best:--}")" "${by:-}" \
        "$([ -n "$best" ] && awk -v a="$ours" -v b="$best" 'BEGIN {printf "%.2f", a / (b > 0 ? b : 1)}')" \
        "$class" "$(cost make)" "$(cost apply)" "$(cost bsdiff)"
done | tee -a "$work/table"
sums=$(awk -F '|' '/^\| [a-z]/ && $2 !~ /pair/ {n++; if ($4 ~ /missed/) m++; if ($7 + 0 > 1) b++} END {printf "%d pairs, %d miss their goal, on %d another tool is smaller", n, m, b}' "$work/table")
echo
echo "$sums"
grep -q FAILED "$work/table" && bad=1
if [ "${WRITE:-}" = 1 ] && [ "$bad" = 0 ]; then
    awk -v table="$work/table" -v sums="$sums" '
        /<!-- delta table -->/ {print; print ""; while ((getline line < table) > 0) print line; print ""; print sums "."; print ""; skip = 1; next}
        /<!-- end of delta table -->/ {skip = 0}
        !skip' "$root/docs/BENCHMARKS.md" >"$work/page" && cat "$work/page" >"$root/docs/BENCHMARKS.md"
fi
exit "$bad"
