#!/bin/sh
# Installs what is missing from Debian's packages, and nothing when nothing is missing.
#   deps.sh          what the build and its checks need
#   deps.sh cpus     compilers and emulators of other CPUs as well, for tests that are skipped without
set -eu
packages="gcc clang make pkg-config git clang-format clang-tidy cppcheck libclang-rt-14-dev llvm gcovr
 libevent-dev libpq-dev libsodium-dev libjansson-dev zlib1g-dev libzstd-dev liblzma-dev liblz4-dev
 libssl-dev libdw-dev libp11-kit-dev softhsm2 libcurl4-openssl-dev libcriterion-dev postgresql-15 openssl ca-certificates
 bsdiff jq curl e2fsprogs squashfs-tools erofs-utils lz4 cpio xz-utils zstd procps util-linux"
if [ "${1:-}" = cpus ]; then
    packages="$packages gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-user-static gcc-s390x-linux-gnu
 libc6-dev-s390x-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
fi
missing=""
for p in $packages; do
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null | cut -c1-2)" = ii ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "installing from Debian:$missing"
sudo=""
if [ "$(id -u)" != 0 ]; then
    sudo=$(command -v sudo) || { echo "missing packages need root: apt-get install$missing" >&2; exit 1; }
fi
$sudo apt-get update -q >/dev/null
# The server binaries are wanted, not a system-wide cluster: Slipway makes its own, private ones.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $sudo mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
