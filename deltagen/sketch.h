#pragma once
/*
 * A few numbers that say how much two files have in common: of all places that the bytes before
 * them choose, the hashes that come first. Equal runs of bytes give equal numbers wherever they
 * lie.
 */
#include "lib/base/base.h"

enum { SKETCH_MAX = 48 };

struct sketch {
    uint64_t hashes[SKETCH_MAX]; /* rising, no two alike */
    size_t count;
};

void sketch_make(const uint8_t *data, uint64_t len, struct sketch *out);
/* How many hashes both have. */
size_t sketch_common(const struct sketch *a, const struct sketch *b);
