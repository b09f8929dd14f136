#!/usr/bin/env bash
# The applier makes the same bytes on other CPUs, of every coder and way of packing, in the memory
# that its class promises and nothing else.
set -u
build=${1:?usage: $0 BUILD}
cd "$(dirname "$0")/../.." || exit 2
case $build in
*release*) exec tests/arch/cpus/run "$build" ;;
esac
echo "SKIP: other CPUs run what the release build makes"
exit 77
