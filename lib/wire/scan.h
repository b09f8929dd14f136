#pragma once
/*
 * A small JSON scanner for device messages: no tree, no allocation, values go straight into the
 * caller's fixed fields. Strict: UTF-8 only, no NUL in texts, whole numbers up to 2^53 - 1,
 * nothing after the value. The scanner borrows the text.
 *
 * Errors are ERR_INVALID or ERR_LIMIT without the field's name; the caller wraps them.
 */
#include "lib/base/err.h"

enum { SCAN_DEPTH_MAX = 8 };
#define SCAN_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

struct scan {
    const char *at;
    const char *end;
};

enum scan_next { SCAN_MORE, SCAN_DONE, SCAN_BAD };

struct scan scan_of(const void *data, size_t len);
/* Takes '{' or '['. */
MUST_USE bool scan_open(struct scan *in, char open, struct err *err);
/* Before each member: SCAN_MORE when one follows (its comma was taken), SCAN_DONE when `close`
 * was taken, SCAN_BAD otherwise (err is set). `*first` starts as true. */
MUST_USE enum scan_next scan_member(struct scan *in, char close, bool *first, struct err *err);
/* A string and the ':' behind it. */
MUST_USE bool scan_key(struct scan *in, char *out, size_t room, struct err *err);
/* The decoded text with its NUL fits `room` bytes, or ERR_LIMIT. */
MUST_USE bool scan_text(struct scan *in, char *out, size_t room, struct err *err);
MUST_USE bool scan_u64(struct scan *in, uint64_t *out, struct err *err);
MUST_USE bool scan_bool(struct scan *in, bool *out, struct err *err);
/* Any value, checked and thrown away; at most SCAN_DEPTH_MAX deep. */
MUST_USE bool scan_skip(struct scan *in, struct err *err);
/* Nothing but blanks is left. */
MUST_USE bool scan_end(struct scan *in, struct err *err);
