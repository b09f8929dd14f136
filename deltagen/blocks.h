#pragma once
/*
 * Regions of the new image that are whole blocks of the old one, wherever they lie, and the rest
 * of the old image, which is what has to be searched byte by byte.
 */
#include "deltagen/index.h"
#include "deltagen/match.h"

/* Maximal matches of at least `block_bytes`, in order, without overlap. */
void blocks_match(const struct image *old, const struct image *new_image, size_t block_bytes,
                  struct matches *out);

struct pieces {
    struct piece *items; /* owned */
    size_t count;
    size_t room;
};

/* The blocks of the old image that no match covers whole and that are not one byte repeated. */
void blocks_rest(const struct image *old, size_t block_bytes, const struct matches *matches,
                 struct pieces *out);
void pieces_done(struct pieces *pieces);
