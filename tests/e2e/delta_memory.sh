#!/usr/bin/env bash
# deltagen keeps to --memory: with images of 60 MB it makes a patch in 96 MiB of data, packed parts
# of 40 MB unpacked in it or not, and where that does not suffice it says so and leaves no patch.
set -u
build=${1:?usage: $0 BUILD_DIR}
deltagen=$(cd "$build" && pwd)/deltagen
case $build in
*asan* | *tsan*) echo "SKIP: sanitizers map terabytes"; exit 77 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-memory-XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAILED $*"; bad=1; }
noise() { openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass "pass:$1" </dev/zero 2>/dev/null | head -c "$2"; }

# under KIB COMMAND...: no more data than that, whatever it thinks
under() { (ulimit -d "$1" && shift && exec "$@"); }

# makes NAME MEMORY KIB: a patch within that much, which gives new again
makes() {
    under "$3" "$deltagen" diff --memory "$2" "$work/old" "$work/new" "$work/patch" ||
        { fail "$1: no patch within $2"; return; }
    "$deltagen" apply "$work/old" "$work/patch" "$work/made" >/dev/null && cmp "$work/made" "$work/new" ||
        fail "$1: apply"
    [ "$(stat -c %s "$work/patch")" -le 1200000 ] || fail "$1: $(stat -c %s "$work/patch") bytes of patch"
    rm -f "$work/patch" "$work/made"
}

# refuses NAME MEMORY
refuses() {
    "$deltagen" diff --memory "$2" "$work/old" "$work/new" "$work/patch" >/dev/null 2>"$work/why" &&
        fail "$1: $2 should not suffice"
    grep -q -- "--memory is too small" "$work/why" || fail "$1: does not say why: $(cat "$work/why")"
    [ ! -e "$work/patch" ] || fail "$1: a patch is left"
}

noise plain 60000000 >"$work/old"
{ noise begin 1000000; head -c 30000000 "$work/old"; noise between 777; tail -c 29000000 "$work/old"; } >"$work/new"
makes plain 96M $((96 << 10))
refuses plain 32M

# Packed: the parts unpack to more than there is memory for.
noise plain 30000000 >"$work/old"
cp "$work/old" "$work/new"
seq 1 5600000 | gzip -n -6 >>"$work/old"
{ seq 1 2000000; echo changed; seq 2000001 5600000; } | gzip -n -6 >>"$work/new"
makes packed 96M $((96 << 10))

exit $bad
