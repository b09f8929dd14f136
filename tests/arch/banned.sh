#!/bin/sh
# Words that do not appear: calls with a safer one of ours, allocation and clocks outside their
# home, and memcmp where secrets are compared.
set -u
bad=0
complain() { # TITLE, grep output on stdin
    out=$(cat)
    [ -z "$out" ] && return
    printf '%s\n%s\n' "$1" "$out"
    bad=1
}
code() { grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)'; } # not comment lines
sources() { find "$@" \( -name '*.c' -o -name '*.h' \) 2>/dev/null; }
call() { printf '(^|[^A-Za-z0-9_>.])(%s)[[:space:]]*\\(' "$1"; }

outside="strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|gets|atoi|atol|sscanf|gmtime|localtime|ctime|asctime|mktemp|tmpnam|system|popen|alloca|setjmp|rand|srand|usleep|sleep"
sources server cli deltagen device-client | xargs grep -nE "$(call "$outside")" /dev/null | code |
    complain "banned outside lib:"
sources lib server cli deltagen device-client | grep -v '^lib/base/' |
    xargs grep -nE "$(call 'malloc|calloc|realloc|free')" /dev/null | code | complain "allocation outside lib/base:"
sources lib server cli deltagen device-client | grep -v '^lib/base/clock.c' |
    xargs grep -nE "$(call 'time|clock_gettime|gettimeofday')" /dev/null | code | complain "clock outside lib/base/clock.c:"
sources lib/crypto server/auth device-client/trust | grep -v 'lib/crypto/sign.c' |
    xargs grep -nE "$(call 'memcmp')" /dev/null | code | complain "memcmp where secrets live (crypto_equal):"
sources lib server cli deltagen device-client | xargs grep -nwE '(TODO|FIXME|XXX)' /dev/null | code |
    complain "unfinished words:"
# A buffer that ends itself must be one before the first return: "= {0}" or buf_init() comes first.
sources lib server cli deltagen device-client signer tests/support | xargs awk '
    FNR == 1 { name = "" }
    match($0, /^ +AUTO_BUF [a-z_0-9]+;/) {
        name = substr($0, RSTART, RLENGTH); sub(/^ +AUTO_BUF /, "", name); sub(/;$/, "", name); at = FNR; next
    }
    name != "" && index($0, "&" name) { name = "" }
    name != "" && /^}/ { name = "" }
    name != "" && /(^|[^a-z_])return([^a-z_]|$)/ { printf "%s:%d: %s\n", FILENAME, at, name; name = "" }' |
    complain "a way out before the buffer is made:"
exit $bad
