/*
 * A gear hash: each step shifts the hash left and adds a number for the byte, so the bytes of 64
 * steps ago are gone. Where its upper bits are zero it is mixed and taken, smallest first.
 */
#include "deltagen/sketch.h"

#include <string.h>

enum {
    GEARS = 256,
    CHOOSE_SHIFT = 58, /* one place in 64 */
};

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    value = (value ^ (value >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ (value >> 33);
}

static void take(struct sketch *sketch, uint64_t hash)
{
    size_t i = sketch->count;

    if (i == SKETCH_MAX && hash >= sketch->hashes[i - 1])
        return;
    while (i > 0 && sketch->hashes[i - 1] > hash)
        i--;
    if (i > 0 && sketch->hashes[i - 1] == hash)
        return;
    if (sketch->count < SKETCH_MAX)
        sketch->count++;
    memmove(sketch->hashes + i + 1, sketch->hashes + i,
            (sketch->count - i - 1) * sizeof(sketch->hashes[0]));
    sketch->hashes[i] = hash;
}

void sketch_make(const uint8_t *data, uint64_t len, struct sketch *out)
{
    uint64_t gears[GEARS];
    uint64_t hash = 0;

    for (uint64_t i = 0; i < GEARS; i++)
        gears[i] = mix(i + 1);
    out->count = 0;
    for (uint64_t i = 0; i < len; i++) {
        hash = (hash << 1) + gears[data[i]];
        if (hash >> CHOOSE_SHIFT == 0)
            take(out, mix(hash));
    }
}

size_t sketch_common(const struct sketch *a, const struct sketch *b)
{
    size_t common = 0;
    size_t i = 0;
    size_t j = 0;

    while (i < a->count && j < b->count) {
        if (a->hashes[i] == b->hashes[j])
            common++;
        if (a->hashes[i] <= b->hashes[j])
            i++;
        else
            j++;
    }
    return common;
}
