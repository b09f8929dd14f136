#pragma once
/*
 * The Range and If-Range headers (RFC 9110 §14), single byte ranges only. A server may ignore a
 * Range; everything unusual (several ranges, other units, bad syntax) is ignored, so the answer is
 * the whole file, which is always right.
 */
#include "lib/base/base.h"

enum range_verdict {
    RANGE_WHOLE,         /* send everything, 200 */
    RANGE_PART,          /* send the part, 206 */
    RANGE_UNSATISFIABLE, /* 416: no byte of the range exists */
};

struct range {
    uint64_t first;
    uint64_t length; /* at least 1 */
};

/* `text` is the header's value, or NULL. `*out` is written for RANGE_PART only. */
enum range_verdict range_parse(const char *text, uint64_t size, struct range *out);
/* Whether a Range may be honoured: no If-Range, or the same strong entity tag. `etag` is the tag
 * without quotes. A date never matches: our files are named by content, not by time. */
bool range_if_holds(const char *if_range, const char *etag);
/* If-None-Match: "*" or a list of tags that holds this one (weak comparison). */
bool etag_list_has(const char *if_none_match, const char *etag);
