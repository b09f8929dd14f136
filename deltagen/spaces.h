#pragma once
/*
 * What the generator knows of two unpacked images, in the words of the patch's tables.
 */
#include "deltagen/unpack.h"
#include "lib/delta/layout.h"

struct spaces {
    struct delta_layouts layouts;
    struct delta_item *items; /* owned; of all levels */
};

/* False when they have more packings, or items, than tables can say. */
bool spaces_of(const struct unpacked *unpacked, struct spaces *out);
void spaces_done(struct spaces *spaces);
