#pragma once
/*
 * Inside unpack.c: one level. The units of both sides get their fates together, because a unit
 * that both sides hold stays as it is; then each side's items are laid out and unpacked.
 */
#include "deltagen/unpack.h"

struct level_side {
    struct image below;
    struct units *found;            /* sorted */
    uint8_t *fates;                 /* owned; by unit */
    struct delta_packing *packings; /* owned; of units that are unpacked */
};

struct level {
    const struct unpack_options *options;
    struct level_side old, new_side;
};

/* Decides every unit. */
void level_judge(struct level *level);

/* Lays the items out and unpacks them into `flat`. */
MUST_USE bool level_build(const struct level *level, const struct level_side *side,
                          struct space_level *out, struct flat *flat, struct err *err);
/* Is there anything in it that is unpacked? */
bool level_unpacks(const struct level_side *side);
/* Where a byte of the level below is on this one; inside of a packed item, the item's start. */
uint64_t level_above(const struct space_level *level, uint64_t at);
/* Adds the parts of a file in a closed container that are in no unit. */
void level_plain_parts(const struct level_side *side, const struct element *element,
                       struct units *out);
/* An element's place, from the level below to this one; `level` may be empty, when nothing was
 * unpacked. False: it lies in a unit that stayed packed. */
bool level_lift(const struct level_side *side, const struct space_level *level,
                struct element *element);
void level_side_done(struct level_side *side);
