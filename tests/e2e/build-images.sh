#!/usr/bin/env bash
# Builds the demo's operating-system images: OUT/v1.img to OUT/v4.img.
#   build-images.sh OUT
#
# Each is an ext4 root file system laid out from Debian's own packages: v1 from the oldest
# version of every package that the archive still has, v2 from the newest. v3 is v2 with a
# health program that fails, v4 is v2 with nothing but another name: what is bad of it shows only
# when it runs. OUT/about.txt says what went in.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
export LC_ALL=C TZ=UTC
umask 022
packages="base-files base-passwd bash busybox-static coreutils dash libc6 libssl3 openssl
 curl libcurl4 libsystemd0 libsystemd-shared systemd libudev1 nginx nginx-common
 openssh-server openssh-client zlib1g ca-certificates"

[ -e "$out/done-v4" ] && exit 0
debs=$out/debs
mkdir -p "$debs"
say() { [ -n "${QUIET:-}" ] || echo "$*"; }

# shellcheck disable=SC2086
apt-cache madison $packages | awk '$0 !~ / Sources$/ { print $1, $3 }' >"$debs/versions"

versions() { # PACKAGE: every version the archive has, newest first
    awk -v package="$1" '$1 == package { print $2 }' "$debs/versions"
}

fetch() { # PACKAGE VERSION: prints the path of the package file
    local file
    file=$debs/$1_$(printf %s "$2" | tr ':/~+' '____').deb
    if [ ! -e "$file" ]; then
        local scratch
        scratch=$(mktemp -d "$debs/.XXXXXX")
        (cd "$scratch" && chmod 755 . && apt-get -q -o APT::Sandbox::User=root download "$1=$2" >/dev/null 2>"$debs/error.log") || {
            cat "$debs/error.log" >&2
            return 1
        }
        mv "$scratch"/*.deb "$file"
        rm -rf "$scratch"
    fi
    printf %s "$file"
}

tree() { # NAME oldest|newest
    local dir=$out/tree-$1 package version
    rm -rf "$dir"
    mkdir -p "$dir"
    for package in $packages; do
        if [ "$2" = oldest ]; then version=$(versions "$package" | tail -n 1); else version=$(versions "$package" | head -n 1); fi
        [ -n "$version" ] || { say "  (the archive has no $package: left out)"; continue; }
        dpkg-deb -x "$(fetch "$package" "$version")" "$dir"
        echo "$1 $package $version" >>"$out/about.txt"
    done
    rm -rf "$dir"/usr/share/{doc,man,info,locale,lintian} "$dir"/usr/lib/udev/hwdb.d
    mkdir -p "$dir/usr/lib/slipway" "$dir/etc"
    echo "VERSION=$1" >"$dir/etc/slipway-release"
    health "$dir" 0
}

health() { # DIR STATUS: the program that a freshly started system runs to vouch for itself
    printf '#!/bin/sh\n# Vouches for the system that was just started.\nexit %s\n' "$2" >"$1/usr/lib/slipway/health"
    chmod 755 "$1/usr/lib/slipway/health"
}

image() { # TREE FILE EPOCH: the same tree gives the same bytes
    find "$1" -newermt "@$3" ! -type l -exec touch -h -d "@$3" {} +
    rm -f "$2"
    E2FSPROGS_FAKE_TIME=$3 SOURCE_DATE_EPOCH=$3 /sbin/mke2fs -q -F -t ext4 -b 4096 -O ^has_journal -m 0 -L rootfs \
        -U 51195a7e-0000-4000-8000-000000000001 \
        -E hash_seed=51195a7e-0000-4000-8000-000000000002,root_owner=0:0,lazy_itable_init=0 \
        -d "$1" "$2" "${size_mib}M" >/dev/null
}

rm -f "$out/about.txt"
say "laying out v1 from the oldest packages the archive still has"
tree v1 oldest
say "laying out v2 from the newest"
tree v2 newest
same=$(awk '$1 == "v1" { old[$2] = $3 } $1 == "v2" && old[$2] == $3 { n++ } END { print n + 0 }' "$out/about.txt")
all=$(awk '$1 == "v2"' "$out/about.txt" | wc -l)
say "  $((all - same)) of $all packages differ between v1 and v2"
if [ "$same" = "$all" ]; then
    say "  the archive has only one version of each package here: v2 is v1 with a second copy of bash"
    cp "$out/tree-v2/bin/bash" "$out/tree-v2/bin/bash-copy"
fi
content_mib=$(du -sm "$out/tree-v1" "$out/tree-v2" | sort -n | tail -n 1 | cut -f1)
size_mib=$((content_mib * 110 / 100 + 4))
image "$out/tree-v1" "$out/v1.img" 1767225600
image "$out/tree-v2" "$out/v2.img" 1790000000
health "$out/tree-v2" 1
echo "VERSION=v3" >"$out/tree-v2/etc/slipway-release"
image "$out/tree-v2" "$out/v3.img" 1790000100
health "$out/tree-v2" 0
echo "VERSION=v4" >"$out/tree-v2/etc/slipway-release"
image "$out/tree-v2" "$out/v4.img" 1790000200
rm -rf "$out"/tree-*
touch "$out/done-v4"
