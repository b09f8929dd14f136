#pragma once
/*
 * The plan of a patch: covers turned into the format's operations, in order of the new image.
 */
#include "deltagen/match.h"
#include "lib/delta/format.h"

struct operation {
    enum delta_kind kind; /* no seeks: they follow from old_pos */
    size_t new_pos;
    size_t old_pos; /* of copy and add */
    size_t len;
};

struct plan {
    const struct image *old, *new_image; /* borrowed */
    struct operation *items;             /* owned */
    size_t count;
    size_t room;
    uint64_t coded_bytes; /* of adds and inserts: what a codec has to work on */
};

/* Equal runs of `copy_min` bytes and more inside covers become copies; shorter ones stay zeros
 * among the diffs. */
void plan_make(const struct image *old, const struct image *new_image, const struct matches *covers,
               size_t copy_min, struct plan *out);
void plan_done(struct plan *plan);
