#pragma once
/*
 * An image file, mapped read-only. Files of any size cost address space and page cache, not heap.
 */
#include "lib/base/err.h"
#include "lib/crypto/hash.h"

struct image {
    const uint8_t *data; /* never NULL */
    size_t len;
};

#define AUTO_IMAGE CLEANUP(image_close) struct image

/* A pipe or folder is refused. */
MUST_USE bool image_open(const char *path, struct image *out, struct err *err);
void image_close(struct image *image);
/* Some of its bytes from `offset`, at most `room`; returns how many: 0 at its end and behind it. */
size_t image_read(const struct image *image, uint64_t offset, void *buf, size_t room);
void image_sha256(const struct image *image, uint8_t out[HASH_BYTES]);
