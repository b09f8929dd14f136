#!/usr/bin/env bash
# The applier fits a small device: its code on ARM Thumb-2 is measured, and compared with limits.
exec "$(dirname "$0")/../arch/applier_size.sh"
