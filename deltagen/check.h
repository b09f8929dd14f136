#pragma once
/*
 * The proof of a patch: the device's own applier runs over it, and what it makes is compared
 * with the image that was meant. DELTA_LIMIT: it reads the old image more often than allowed.
 */
#include "deltagen/image.h"
#include "lib/base/buf.h"

struct check_options {
    uint64_t memory_bytes_max;
    /* What the patch must say about `old`; NULL: not compared. */
    const uint8_t *old_sha256;
    /* Of the old image, all in all; 0: as often as devices go along with. */
    uint64_t old_bytes_max;
    /* Called now and then with the new bytes done; may be NULL. */
    void (*progress)(void *arg, size_t done);
    void *progress_arg;
};

MUST_USE bool check_patch(const struct image *old, const uint8_t *patch, size_t patch_len,
                          const struct image *new_image, const struct check_options *options,
                          struct err *err);
