/*
 * Level by level: find what is packed, decide unit by unit, lay out, unpack; then search what
 * came out for the next level. Both sides go up together, because units that are the same on
 * both stay packed; a side on which nothing was unpacked has no level then.
 */
#include "deltagen/unpack.h"

#include <string.h>

#include "deltagen/counterpart.h"
#include "deltagen/level.h"
#include "lib/base/mem.h"

static const char *const fate_names[] = {
    [FATE_UNPACKED] = "unpacked", [FATE_SAME] = "same",   [FATE_NOT_EXACT] = "not-exact",
    [FATE_MEMORY] = "memory",     [FATE_LIMIT] = "limit", [FATE_DAMAGED] = "damaged",
};
_Static_assert(COUNT(fate_names) == FATE_COUNT, "every fate has a name");

const char *unit_fate_name(enum unit_fate fate)
{
    return fate_names[fate];
}

/* A side on its way up. */
struct climb {
    struct space *space;
    struct units found;  /* of this round */
    struct units search; /* spans to search in it */
};

static void find(struct climb *climb, const struct unpack_options *options)
{
    const struct container_input in = {.data = climb->space->image.data,
                                       .len = climb->space->image.len,
                                       .unpacked_max = options->unpacked_bytes_max};

    for (size_t i = 0; i < climb->search.span_count; i++) {
        const struct span *span = &climb->search.spans[i];

        container_find_all(&in, span->at, span->at + span->length, &climb->found);
    }
    units_sort(&climb->found);
}

/* What is to be searched next, and was not searched before: what was unpacked, and the files of
 * containers that were read rather than searched, as far as they lie in them plainly. */
static void search_next(struct climb *climb, const struct level_side *side,
                        const struct space_level *level)
{
    struct units plain = {0};

    for (size_t i = 0; i < climb->found.unit_count; i++) {
        const struct unit *unit = &climb->found.units[i];

        if (side->fates[i] == FATE_UNPACKED)
            units_add_span(&plain, (struct span){unit->at, unit->packed_len});
    }
    for (size_t i = 0; i < climb->found.element_count; i++)
        level_plain_parts(side, &climb->found.elements[i], &plain);
    spans_merge(&plain);
    climb->search.span_count = 0;
    for (size_t i = 0; i < plain.span_count; i++) {
        const struct span *span = &plain.spans[i];
        uint64_t from = level_above(level, span->at);
        uint64_t to = level_above(level, span->at + span->length);

        if (from < to)
            units_add_span(&climb->search, (struct span){from, to - from});
    }
    units_done(&plain);
}

/* All names, old and new, in places of the next level. */
static void lift_names(struct climb *climb, const struct level_side *side,
                       const struct space_level *level)
{
    struct units lifted = {0};
    const struct units *const sources[] = {&climb->space->names, &climb->found};

    for (size_t i = 0; i < COUNT(sources); i++) {
        for (size_t k = 0; k < sources[i]->element_count; k++) {
            struct element element = sources[i]->elements[k];

            if (level_lift(side, level, &element))
                units_add_element(&lifted, element, units_path(sources[i], &element));
        }
    }
    units_done(&climb->space->names);
    climb->space->names = lifted;
}

/* One level up, when there is something in it. */
static bool lift(struct climb *climb, const struct level *level, const struct level_side *side,
                 struct err *err)
{
    struct space *space = climb->space;
    struct space_level built = {0};
    struct flat flat = {0};

    if (level_unpacks(side)) {
        if (!level_build(level, side, &built, &flat, err)) {
            mem_free(built.items);
            return false;
        }
        flat_close(&space->flat);
        space->flat = flat;
        space->image = (struct image){flat.data, (size_t)flat.len};
        space->levels[space->level_count++] = built;
    }
    lift_names(climb, side, &built);
    search_next(climb, side, &built);
    units_done(&climb->found);
    return true;
}

static void add_sums(const struct level_side *side, struct unpack_sum sums[FATE_COUNT])
{
    for (size_t i = 0; i < side->found->unit_count; i++) {
        sums[side->fates[i]].units++;
        sums[side->fates[i]].packed_bytes += side->found->units[i].packed_len;
    }
}

static bool climb_once(struct climb *old, struct climb *new_side,
                       const struct unpack_options *options, struct unpacked *out, struct err *err)
{
    struct level level = {.options = options,
                          .old = {.below = old->space->image, .found = &old->found},
                          .new_side = {.below = new_side->space->image, .found = &new_side->found}};
    bool good;

    find(old, options);
    find(new_side, options);
    level_judge(&level);
    add_sums(&level.new_side, out->sums);
    good = lift(old, &level, &level.old, err) && lift(new_side, &level, &level.new_side, err);
    level_side_done(&level.old);
    level_side_done(&level.new_side);
    return good;
}

bool unpack_images(const struct image *old, const struct image *new_image,
                   const struct unpack_options *options, struct unpacked *out, struct err *err)
{
    struct climb sides[] = {{.space = &out->old}, {.space = &out->new_space}};
    bool good = true;

    *out = (struct unpacked){.old.image = *old, .new_space.image = *new_image};
    units_add_span(&sides[0].search, (struct span){0, old->len});
    units_add_span(&sides[1].search, (struct span){0, new_image->len});
    for (unsigned i = 0; good && i < DELTA_LEVELS_MAX && sides[1].search.span_count > 0; i++)
        good = climb_once(&sides[0], &sides[1], options, out, err);
    for (size_t i = 0; i < COUNT(sides); i++) {
        units_done(&sides[i].found);
        units_done(&sides[i].search);
    }
    if (good)
        counterparts_find(&out->old, &out->new_space, &out->pairs, &out->pair_count);
    else
        unpacked_done(out);
    return good;
}

static void space_done(struct space *space)
{
    for (unsigned i = 0; i < space->level_count; i++)
        mem_free(space->levels[i].items);
    units_done(&space->names);
    flat_close(&space->flat);
}

void unpacked_done(struct unpacked *unpacked)
{
    space_done(&unpacked->old);
    space_done(&unpacked->new_space);
    mem_free(unpacked->pairs);
    *unpacked = (struct unpacked){0};
}
