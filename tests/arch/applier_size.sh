#!/usr/bin/env bash
# How much code the applier is on a small device: lib/delta and what it uses of lib/base, compiled
# for ARM Thumb-2 without a C library, linked from delta_apply() and delta_resume() so that only
# what they reach counts. Fails above the limits, and when more of a C library is wanted than
# `wanted` below. Not counted: the device's own C library, its SHA-256, and the compressors that
# are libraries (zlib, zstd, liblzma, liblz4); a device links those whose images it takes.
# CPU=cortex-m0plus measures for another one than the Cortex-M4.
set -u
cd "$(dirname "$0")/../.." || exit 2
cpu=${CPU:-cortex-m4}
limit_all=$((160 << 10)) limit_bare=$((48 << 10))
if ! command -v arm-none-eabi-gcc >/dev/null; then
    echo "SKIP: arm-none-eabi-gcc is not installed (make deps-cpus)"
    exit 77
fi
work=$(mktemp -d /tmp/slipway-size-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/include" "$work/all" "$work/bare"

# The libraries' headers alone: the folder they lie in is this machine's C library, too.
for header in zlib zstd zstd_errors lzma lz4 lz4hc; do
    ln -s "/usr/include/$header.h" "$work/include/"
done
ln -s /usr/include/lzma "$work/include/lzma"
ln -s "$(find /usr/include -name zconf.h | head -n 1)" "$work/include/"

for source in lib/delta/*.c lib/base/{base,buf,bytes,crc,err,mem,refusal}.c; do
    object=$work/all/${source//\//_}.o
    arm-none-eabi-gcc -std=c11 -D_GNU_SOURCE -Os -mthumb "-mcpu=$cpu" -ffreestanding -ffunction-sections \
        -fdata-sections -Wall -Wextra -Werror -I. -isystem "$work/include" -c -o "$object" "$source" || exit 1
done
cp "$work"/all/*.o "$work/bare/"
rm "$work"/bare/lib_delta_{repack_,deflate_,lz4_}*.o

text_of() { # FOLDER: bytes of code and constants that the applier's two doors reach
    arm-none-eabi-ld -r --gc-sections -e delta_apply -u delta_resume -o "$work/$1.elf" "$work/$1"/*.o || exit 1
    arm-none-eabi-size "$work/$1.elf" | awk 'NR == 2 {print $1 + $2}'
}
all=$(text_of all) || exit 1
bare=$(text_of bare) || exit 1
memory=$(arm-none-eabi-size "$work/all.elf" | awk 'NR == 2 {print $2 + $3}')

# What it takes from outside: names, or beginnings of names that end in a star.
wanted="mem* str* vsnprintf snprintf vasprintf fprintf calloc realloc free abort close __errno _impure_ptr
 __aeabi_* __clzdi2 __gnu_thumb1_* sha256_* hash_sha256 cleanup_sha256 crypto_equal
 ZSTD_* LZ4_* lzma_* deflate* inflate* crc32 adler32"
status=0
for name in $(arm-none-eabi-nm -u "$work/all.elf" | awk '{print $2}'); do
    found=
    set -f
    for pattern in $wanted; do
        # shellcheck disable=SC2053
        [[ $name == $pattern ]] && found=1
    done
    set +f
    [ "$found" ] || { echo "FAILED: the applier wants '$name' from outside"; status=1; }
done
for name in $(arm-none-eabi-nm -u "$work/all.elf" | awk '{print $2}' | grep -E '^__aeabi_(d|f|ui?2|i2|ul2|l2)'); do
    echo "FAILED: the applier computes with fractions ('$name')"
    status=1
done

echo "applier on $cpu, -Os -mthumb: $all bytes with re-packing (at most $limit_all), $bare without (at most $limit_bare); $memory bytes of variables"
[ "$all" -le "$limit_all" ] && [ "$bare" -le "$limit_bare" ] || { echo "FAILED: too large"; status=1; }
exit $status
