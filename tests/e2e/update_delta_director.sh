#!/usr/bin/env bash
# The same with a director: the patch is known by its header's hash, which the director signed, and
# its chunks by the chain that begins there.
WITH=director exec bash "$(dirname "$0")/update_delta.sh" "$1"
