#pragma once
/*
 * The search: two images to covers, few and large. First whole blocks by hash; then the old
 * image's seeds of 32 bytes, one in eight, are looked up along the rest of the new image; what
 * that leaves open is searched with seeds of 8 bytes at every place, in the old bytes that no
 * cover uses. It works on masked bytes (mask.h), and covers are worth what agree.h says.
 */
#include "deltagen/find_hints.h"

struct find_options {
    struct find_hints hints; /* may be empty */
    /* For the largest index; 0: FIND_MEMORY_BYTES. With less than about 7 times the old bytes
     * that changed, fewer seeds are taken and short matches are missed. */
    uint64_t memory_bytes;
    /* Called now and then with the new bytes done in this round; may be NULL. */
    void (*progress)(void *arg, size_t done);
    void *progress_arg;
};

#define FIND_MEMORY_BYTES (UINT64_C(512) << 20)

/* Covers are in order of the new image, without overlap and inside both images. The result depends
 * on the images, the hints and `memory_bytes` only. */
void find_covers(const struct image *old, const struct image *new_image,
                 const struct find_options *options, struct matches *out);
