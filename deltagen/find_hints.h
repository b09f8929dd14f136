#pragma once
/*
 * Files and their counterparts: where a named part of the new image probably was. Parts that are
 * the same are matches at once; in the others the search starts at the counterpart's distance, so
 * that of equal places the right one is taken.
 */
#include "deltagen/match.h"

struct counterpart; /* unpack.h */

struct find_hints {
    const struct counterpart *items; /* borrowed; by place in the new image */
    size_t count;
};

/* The parts that are equal, in order and without overlap. What lies outside an image is ignored. */
void find_hints_match(const struct find_hints *hints, const struct image *old,
                      const struct image *new_image, struct matches *out);
/* The first hint whose part begins at `new_at` or behind; hints->count: none. */
size_t find_hints_after(const struct find_hints *hints, uint64_t new_at);
/* Old minus new place of the part that begins last before `new_at` or there; 0: none does. */
int64_t find_hints_distance(const struct find_hints *hints, uint64_t new_at);
