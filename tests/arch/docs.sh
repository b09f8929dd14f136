#!/bin/sh
# Pages that are printed from tables: `write` prints them again, `check` refuses a difference.
set -eu
mode=$1 build=$2
bad=0
page() { # FILE COMMAND...
    file=$1; shift
    if [ "$mode" = write ]; then
        "$@" >"$file"
    elif ! "$@" | diff -u "$file" - ; then
        echo "$file differs from what the tables print: run 'make docs'"
        bad=1
    fi
}
page docs/API.md "$build/slipwayd" --print-api
page docs/STATES.md "$build/slipway-agent" states
page docs/slipway.conf.sample "$build/slipwayd" --help-config
exit $bad
