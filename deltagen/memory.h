#pragma once
/*
 * What deltagen may spend of this machine's memory, when it is told: a share for each thing that
 * grows with the images, and the kernel sees to it that all together stay below. Images and
 * temporary files are mapped from files and do not count.
 */
#include "deltagen/image.h"

/* All in bytes, of data that lies in no file. */
struct memory {
    uint64_t flat_max;   /* the largest space, or unpacked part, that is not put into a file */
    uint64_t stored_max; /* of code, where it may be large without use */
};

/* `total` 0: nothing was told, and a GiB is about what it takes. */
struct memory memory_shares(uint64_t total);
/* For the index of seeds, between these images for devices of that much memory. ERR_LIMIT: too
 * little is left for the search to make sense. */
MUST_USE bool memory_for_index(uint64_t total, const struct image *old,
                               const struct image *new_image, uint64_t device_bytes, uint64_t *out,
                               struct err *err);
/* From now on the process has no more than `total` bytes of data; one that needs more ends with
 * a message and exit status 1. */
MUST_USE bool memory_limit(uint64_t total, struct err *err);
