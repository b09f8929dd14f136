#pragma once
/*
 * Regions of the new image that are whole blocks of the old one, wherever they lie: found by hash,
 * much faster than any other search.
 */
#include "deltagen/find_hints.h"

/*
 * Matches of at least `block_bytes` that cannot grow, and between them the `known` ones, all in
 * order and without overlap. Of equal places a hint's is preferred. Takes at most 64 bytes of
 * memory per block.
 */
void blocks_match(const struct image *old, const struct image *new_image, size_t block_bytes,
                  const struct find_hints *hints, const struct matches *known, struct matches *out);
