#pragma once
/*
 * What changes from one version of a role to the next, in words: for people who are asked to sign
 * it. Pure. It explains, it decides nothing: what may be published is tuf_check_role()'s business.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { TUF_SUMMARY_BYTES_MAX = 32 << 10, TUF_SUMMARY_LINES_MAX = 200 };

/*
 * Appends lines, each with its newline, at most TUF_SUMMARY_LINES_MAX and then one that says how
 * many more there are:
 *
 *     os-demo: version 3 -> 4
 *     expires 2027-11-22T00:00:00Z (was 2027-05-01T00:00:00Z)
 *     + os/demo/2.0/rootfs.img: base-os 2.0, counter 7, floor 5, 412090368 bytes
 *     - key 8d1fa2b3c4d5e6f7
 *
 * `before` is NULL for a first version. Each is a whole document or its signed part alone, at most
 * TUF_TARGETS_BYTES_MAX long; false when one is no such JSON.
 */
MUST_USE bool tuf_summary(const char *role, const struct buf *before, const struct buf *after,
                          struct buf *out, struct err *err);
