#pragma once
/*
 * Seeds: hashes of short windows of the masked image, of which one in 2^sample_log2 is taken, by
 * its value, so that the same windows are taken in both images. An index of the old image's seeds
 * gives the places of a hash; the nearest to where one would expect it come first.
 */
#include "deltagen/mask.h"
#include "deltagen/match.h"

struct seed_shape {
    unsigned shift; /* the hash moves so far each byte: it covers 64 / shift bytes, rounded up */
    unsigned sample_log2;
};

/* Goes over a stretch of an image. */
struct seed_walk {
    const struct mask *mask; /* borrowed */
    struct seed_shape shape;
    uint64_t at, end; /* of the next byte, and of the stretch */
    uint64_t hash, before;
    size_t warm;         /* bytes in the hash */
    uint64_t gears[256]; /* what a byte adds to it */
    uint8_t *bytes;      /* owned */
    uint64_t bytes_at, bytes_end;
};

void seed_walk_init(struct seed_walk *walk, const struct mask *mask, struct seed_shape shape);
void seed_walk_done(struct seed_walk *walk);
/* Starts anew at `start`. */
void seed_walk_range(struct seed_walk *walk, uint64_t start, uint64_t end);
/* The next seed's first byte and its hash; false: none is left. */
bool seed_walk_next(struct seed_walk *walk, uint64_t *at, uint64_t *hash);
size_t seed_bytes(struct seed_shape shape);

struct seeds;

/* The seeds of these pieces of the old image, which do not overlap and are in order. At most 8
 * bytes for each 2^sample_log2 bytes of them (9 when the image has 4 GiB or more). */
struct seeds *seeds_new(const struct mask *mask, struct seed_shape shape,
                        const struct piece *pieces, size_t count);
void seeds_free(struct seeds *seeds);
/* Up to `max` places with (probably) this hash, the nearest below and above `expected`. */
size_t seeds_find(const struct seeds *seeds, uint64_t hash, uint64_t expected, uint64_t *out,
                  size_t max);
