#pragma once
/*
 * An image as the search sees it: bytes with the addresses taken out of the code. When a function
 * moves, its calls and its references to data change, and little else: without those bits the
 * whole function is one match. The applier predicts them later.
 *
 * Which bits are hidden depends on the few bytes around them and on the kind of code that prevails
 * in their chunk, never on the position: equal code looks equal wherever it lies, except for
 * chunks that were judged differently, which costs matches, not correctness.
 */
#include "deltagen/flat.h"

/* One larger than this lies in a temporary file. */
#define MASK_MEMORY_BYTES (UINT64_C(64) << 20)

struct mask {
    const struct image *image; /* borrowed */
    uint8_t *kinds;            /* of each chunk; owned */
    uint64_t *hidden;          /* bit for byte: are some of its bits hidden? in `flat` */
    struct flat flat;
};

/* Reads the whole image once; keeps one bit per byte. */
void mask_init(struct mask *mask, const struct image *image);
void mask_done(struct mask *mask);
/* The bytes [at, at + len) of the image, hidden bits zero. */
void mask_read(const struct mask *mask, uint64_t at, size_t len, uint8_t *out);
uint8_t mask_byte(const struct mask *mask, uint64_t at);

/* Are some of this byte's bits hidden? */
static inline bool mask_hides(const struct mask *mask, uint64_t at)
{
    return mask->hidden[at / 64] >> at % 64 & 1;
}
