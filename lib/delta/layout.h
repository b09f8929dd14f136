#pragma once
/*
 * How a space lies over an image. A layout is a pile of levels; each is a list of items over the
 * level below it, the lowest over the image. An item is raw, the bytes as they are below, or
 * packed, those bytes unpacked. A level is its items' bytes one after the other; items cover the
 * level below in order and without gaps.
 *
 * In a patch's tables, after the packings (a varint of how many, then 8 bytes each,
 * lib/delta/repack.h), come the old layout's levels and the new one's, lowest first. A level is a
 * varint of how many items, then for each
 *        varint  length below << 1 | 1 when it is packed
 *     and when it is packed
 *        varint  which packing
 *        varint  length unpacked, less that of the packed item before, in zigzag form
 * Two raw items never follow each other, and no length is 0.
 */
#include "lib/delta/format.h"
#include "lib/delta/repack.h"
#include "lib/delta/space.h"

enum { DELTA_PACKINGS_MAX = 64, DELTA_RAW = 0xFFFF };

/* 16 bytes each: a large image has tens of thousands. The lengths are the next item's distance;
 * each level ends with one item more that only says where. */
struct delta_item {
    uint64_t below_packing; /* where it begins below << 16 | which packing, or DELTA_RAW */
    uint64_t above;         /* where it begins in this level */
};

struct delta_level {
    struct delta_item *items;
    uint32_t count; /* without the last one */
};

struct delta_layout {
    const struct delta_packing *packings; /* shared by both layouts */
    struct delta_level levels[DELTA_LEVELS_MAX];
    unsigned count;
};

struct delta_layouts {
    struct delta_packing packings[DELTA_PACKINGS_MAX];
    unsigned packing_count;
    struct delta_layout old, new_layout;
};

uint64_t delta_item_below(const struct delta_item *item);
unsigned delta_item_packing(const struct delta_item *item); /* or DELTA_RAW */
struct delta_item delta_item_of(uint64_t below, unsigned packing, uint64_t above);

/* Of the items that the header announces. */
uint64_t delta_layouts_bytes(const struct delta_header *header);
/* Takes the items' memory from the space. Refuses (DELTA_FORMAT) layouts that do not cover the
 * header's images, make its spaces, and have its number of levels and items. */
MUST_USE bool delta_layouts_read(struct bytes *in, const struct delta_header *header,
                                 struct delta_space *space, struct delta_layouts *out,
                                 struct err *err);
void delta_layouts_format(const struct delta_layouts *layouts, struct buf *out);
/* How many items they have, the last of each level included: the header's number. */
uint32_t delta_layouts_items(const struct delta_layouts *layouts);

/* The item that holds `at`, which lies within the level. */
uint32_t delta_level_find(const struct delta_level *level, uint64_t at);
/* Where in the image a place of the topmost level lies; false when that is within a packed item of
 * any level. The end of a level has a place, too. */
bool delta_layout_place(const struct delta_layout *layout, uint64_t at, uint64_t *out_image_at);
