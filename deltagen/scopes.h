#pragma once
/*
 * Where in the new space scopes begin: one for each program that has a counterpart in the old one,
 * and one for a whole image that is bare code.
 */
#include "deltagen/match.h"
#include "deltagen/unpack.h"
#include "lib/delta/scope.h"

struct scopes {
    struct delta_scope *items; /* owned, in order of the new space; their covers are, too */
    size_t count, room;
    uint32_t most_covers; /* of one of them */
};

/* `pairs` may be none: then the images themselves are a pair. No scope has more than `covers_max`
 * covers: its largest ones. */
void scopes_find(const struct image *old, const struct image *new_image,
                 const struct counterpart *pairs, size_t pair_count, const struct matches *covers,
                 uint32_t covers_max, struct scopes *out);
void scopes_done(struct scopes *scopes);
