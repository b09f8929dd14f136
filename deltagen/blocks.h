#pragma once
/*
 * Regions of the new image that are whole blocks of the old one, wherever they lie: found by hash,
 * much faster than any other search.
 */
#include "deltagen/match.h"

/* Maximal matches of at least `block_bytes`, in order, without overlap. About 8 bytes of memory
 * for each 256 of a block size of 4 KiB. */
void blocks_match(const struct image *old, const struct image *new_image, size_t block_bytes,
                  struct matches *out);
