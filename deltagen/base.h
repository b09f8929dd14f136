#pragma once
/*
 * Where a bare image runs, which no header tells: the address at which the words that changed
 * would have changed as the covers say that their targets moved. And where its variables lie: the
 * memory that the other changed words point into.
 */
#include "deltagen/match.h"
#include "lib/delta/scope.h"

struct base_pair {
    const uint8_t *old, *new_data;
    uint32_t old_length, new_length;
    unsigned word; /* bytes of an address: 4 or 8 */
    const struct delta_cover *covers;
    uint32_t cover_count;
};

/* Sets the segments of both sides: the image, and its variables when there are any. False: nothing
 * says where it runs. */
MUST_USE bool base_find(const struct base_pair *pair, struct delta_scope *out);
