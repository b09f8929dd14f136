/*
 * Which paths a delegation is for: shell patterns whose '*', '?' and sets never cross a '/', and
 * the bins of TAP 15. Matching takes at most the product of the two lengths.
 */
#include <stdio.h>
#include <string.h>

#include "lib/tuf/internal.h"

/* The length of the set at `pattern` ("[a-z]", "[!0-9]"); 0: the '[' is an ordinary character. */
static size_t set_len(const char *pattern)
{
    size_t at = 1;

    if (pattern[at] == '!')
        at++;
    if (pattern[at] == ']')
        at++;
    while (pattern[at] && pattern[at] != '/' && pattern[at] != ']')
        at++;
    return pattern[at] == ']' ? at + 1 : 0;
}

static bool set_has(const char *set, size_t len, char c)
{
    bool negated = set[1] == '!';
    bool found = false;

    for (size_t i = negated ? 2 : 1; i + 1 < len; i++) {
        if (i + 3 < len && set[i + 1] == '-') {
            found = found || ((uint8_t)set[i] <= (uint8_t)c && (uint8_t)c <= (uint8_t)set[i + 2]);
            i += 2;
        } else {
            found = found || set[i] == c;
        }
    }
    return found != negated;
}

/* One character of the pattern (not '*') against one of the path: how much of the pattern it
 * takes, 0 when it does not match. */
static size_t match_one(const char *pattern, char c)
{
    size_t len;

    if (*pattern == '?')
        return c != '/' && c != '\0';
    len = *pattern == '[' ? set_len(pattern) : 0;
    if (len)
        return c != '/' && c != '\0' && set_has(pattern, len, c) ? len : 0;
    return *pattern == c && c != '\0';
}

bool tuf_pattern_matches(const char *pattern, const char *path)
{
    const char *star = NULL;  /* behind the last '*', */
    const char *retry = path; /* which took everything before this */

    while (*path) {
        size_t len;

        if (*pattern == '*') {
            star = ++pattern;
            retry = path;
            continue;
        }
        len = match_one(pattern, *path);
        if (len) {
            if (*path == '/')
                star = NULL; /* a component that fits stays as it is */
            pattern += len;
            path++;
            continue;
        }
        if (!star || *retry == '/')
            return false;
        pattern = star;
        path = ++retry;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool tuf_bin_number_name(const char *prefix, unsigned bits, uint64_t number, char *out, size_t room)
{
    uint64_t last = (UINT64_C(1) << bits) - 1;
    int digits = 1;
    int len;

    ASSERT(bits >= 1 && bits <= TUF_BITS_MAX && number <= last);
    while (last >>= 4)
        digits++;
    len = snprintf(out, room, "%s-%0*llx", prefix, digits, (unsigned long long)number);
    return len > 0 && (size_t)len < room;
}

uint64_t tuf_bin_number(const char *path, unsigned bits)
{
    uint8_t hash[HASH_BYTES];
    uint32_t number = 0;

    ASSERT(bits >= 1 && bits <= TUF_BITS_MAX);
    hash_sha256(path, strlen(path), hash);
    for (size_t i = 0; i < 4; i++)
        number = number << 8 | hash[i];
    return number >> (32 - bits);
}

bool tuf_bin_name(const char *prefix, unsigned bits, const char *path, char *out, size_t room)
{
    return tuf_bin_number_name(prefix, bits, tuf_bin_number(path, bits), out, room);
}
