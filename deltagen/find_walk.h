#pragma once
/*
 * A walk along the new image with one index of seeds: keeps a distance (old minus new) while the
 * bytes agree and changes it where that is worth it.
 */
#include "deltagen/agree.h"
#include "deltagen/seeds.h"

struct find_walk {
    const struct pair *pair; /* borrowed, all of them */
    const struct seeds *seeds;
    struct seed_walk *seed_walk; /* of the new image */
    struct matches *out;
    int64_t distance;
    bool guessed; /* nothing was found at this distance yet */
};

/* Searches [start, end) of the new image. */
void find_walk(struct find_walk *walk, uint64_t start, uint64_t end);
