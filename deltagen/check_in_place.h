#pragma once
/*
 * The proof of a patch for an update in place: the device's own code runs over a region in memory,
 * and refuses a patch that could not go on after a power loss.
 */
#include "deltagen/check.h"

MUST_USE bool check_in_place(const struct image *old, const uint8_t *patch, size_t patch_len,
                             const struct image *new_image, const struct check_options *options,
                             struct err *err);
