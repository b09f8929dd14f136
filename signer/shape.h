#pragma once
/* Pieces of signed documents: which members they may have, and values in their ranges. All
 * refusals are ERR_DENIED. */
#include "lib/json/flat.h"
#include "signer/roles.h"

struct shape {
    const char *what;            /* for the refusal: "a snapshot" */
    const char *const *required; /* NULL-terminated */
    const char *const *optional; /* also; NULL-terminated, or NULL */
    bool extensions;             /* and members "x-..." */
};
/* An object with all of the required members and no others than are named. */
MUST_USE bool shape_fits(struct flat_value object, const struct shape *shape, struct err *err);

/* Whole numbers above 0. */
MUST_USE bool shape_version(struct flat_value value, const char *what, uint64_t *out,
                            struct err *err);
/* RFC 3339, "2026-11-22T18:00:00Z". */
MUST_USE bool shape_time(struct flat_value value, const char *what, int64_t *out_ms,
                         struct err *err);
/* {"FILE.json": {"version", "length"?, "hashes"?}}: the roles it lists. */
MUST_USE bool shape_meta(struct flat_value meta, struct roles *out, struct err *err);
/* {"sha256": HEX}. */
MUST_USE bool shape_hashes(struct flat_value hashes, struct err *err);
