#pragma once
/*
 * The applier's memory: one block, allocated once, handed out piece by piece. What a codec takes
 * comes from here too, so nothing can be allocated after the start, and the sum is known from
 * the patch's header before anything is.
 */
#include "lib/base/base.h"

enum { DELTA_SPACE_ALIGN = 64 };

struct delta_space {
    uint8_t *next;
    size_t left;
};

/* NULL when the block is used up. */
void *delta_space_take(struct delta_space *space, size_t size);
/* What a piece of `size` bytes takes from the block. */
size_t delta_space_of(size_t size);
