#pragma once
/*
 * Lines of devices that are expected, one JSON object each:
 *
 *     {"device": 64 hex digits | "public_key": 64 hex digits,
 *      "group": "PRODUCT/GROUP" or its id, "tags": {...}}
 *
 * Pure. "group" may be missing when the request names one; "tags" may be missing.
 */
#include "lib/base/arena.h"
#include "lib/crypto/hash.h"
#include "lib/json/json.h"

enum {
    EXPECTED_LINES_MAX = 2000, /* in one request */
    EXPECTED_LINE_BYTES_MAX = 16 << 10,
    EXPECTED_GROUP_MAX = 127, /* two names and a slash */
    EXPECTED_FIRST_LINE_MAX = 1000000000,
};

struct expected_lines {
    const char *text;
    size_t len;
    uint64_t first;    /* the number of the first line */
    const char *group; /* of lines that name none; may be NULL */
};

/* The same place of each array is one device. */
struct expected_list {
    uint8_t (*devices)[HASH_BYTES];
    const char **groups;
    const char **tags; /* JSON */
    size_t count;
};

/* What it gives lives in the arena. Errors begin with "line N: ". */
MUST_USE bool expected_parse(const struct expected_lines *lines, struct arena *arena,
                             struct expected_list *out, struct err *err);
