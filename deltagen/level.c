/*
 * Fates, in this order: units whose packed bytes the other side has too stay as they are, unless
 * their file holds a container that would be cut in pieces so; of each group of the new side a
 * few are tried with all parameters, the rest with those that worked first. Old units only have
 * to unpack.
 */
#include "deltagen/level.h"

#include <stdlib.h>
#include <string.h>

#include "deltagen/container/decode.h"
#include "deltagen/parallel.h"
#include "deltagen/trial.h"
#include "lib/base/mem.h"

#define LENGTH_MAX (UINT64_C(1) << 48)

enum {
    SAMPLES = 4,            /* of a group, before it is given up */
    FATE_OPEN = FATE_COUNT, /* not judged yet */
};

/* --- the same packed bytes on both sides ------------------------------------------------------ */

struct print {
    uint64_t hash;
    size_t unit;
};

static uint64_t hash_bytes(const uint8_t *data, uint64_t len)
{
    uint64_t hash = len * UINT64_C(0x9e3779b97f4a7c15);

    while (len > 0) {
        uint64_t word = 0;
        size_t part = len < sizeof(word) ? (size_t)len : sizeof(word);

        memcpy(&word, data, part);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        data += part;
        len -= part;
    }
    return hash;
}

static int by_hash(const void *a, const void *b)
{
    const struct print *x = a;
    const struct print *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

static struct print *print_units(const struct level_side *side)
{
    struct print *prints = mem_array(side->found->unit_count + 1, sizeof(*prints));

    for (size_t i = 0; i < side->found->unit_count; i++) {
        const struct unit *unit = &side->found->units[i];

        prints[i] = (struct print){hash_bytes(side->below.data + unit->at, unit->packed_len), i};
    }
    qsort(prints, side->found->unit_count, sizeof(*prints), by_hash);
    return prints;
}

static void mark_same(struct level *level)
{
    AUTO_FREE struct print *old = print_units(&level->old);
    AUTO_FREE struct print *new_side = print_units(&level->new_side);
    size_t i = 0;

    for (size_t j = 0; j < level->new_side.found->unit_count; j++) {
        while (i < level->old.found->unit_count && old[i].hash < new_side[j].hash)
            i++;
        for (size_t k = i; k < level->old.found->unit_count && old[k].hash == new_side[j].hash;
             k++) {
            level->old.fates[old[k].unit] = FATE_SAME;
            level->new_side.fates[new_side[j].unit] = FATE_SAME;
        }
    }
}

/* --- files that are containers -----------------------------------------------------------------
 */

/* The first unit that does not begin before `at`. */
static size_t unit_at(const struct units *units, uint64_t at)
{
    size_t low = 0;
    size_t high = units->unit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (units->units[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The units from `first` on that hold `length` unpacked bytes from `at` on; the number behind. */
static size_t units_of(const struct units *units, size_t first, uint64_t at, uint64_t length)
{
    size_t i = first;

    while (i < units->unit_count && length > 0) {
        const struct unit *unit = &units->units[i];
        uint64_t plain = unit->at - at;

        if (plain >= length)
            break;
        length -= plain;
        length -= unit->unpacked_len < length ? unit->unpacked_len : length;
        at = unit->at + unit->packed_len;
        i++;
    }
    return i;
}

static bool starts_container(const struct level *level, const struct level_side *side,
                             const struct unit *unit)
{
    AUTO_FLAT scratch = {0};
    struct decoded decoded;
    struct err ignored;

    return flat_open(unit->unpacked_len + 1, level->options->memory_bytes, &scratch, &ignored) &&
           unit_decode((enum unit_family)unit->family, side->below.data + unit->at,
                       unit->packed_len, scratch.data, unit->unpacked_len, &decoded) &&
           container_starts(scratch.data, decoded.unpacked_len);
}

/* A stream of several units is unpacked whole, or not at all when nothing of it changed. */
static void free_joined(struct level_side *side)
{
    const struct units *found = side->found;
    AUTO_FREE bool *open = mem_array(found->groups + 1, sizeof(*open));

    for (size_t i = 0; i < found->unit_count; i++) {
        if (side->fates[i] == FATE_OPEN)
            open[found->units[i].group] = true;
    }
    for (size_t i = 0; i < found->unit_count; i++) {
        if (found->units[i].joined && open[found->units[i].group])
            side->fates[i] = FATE_OPEN;
    }
}

/* So is a file that holds a container. */
static void free_nested(const struct level *level, struct level_side *side)
{
    const struct units *found = side->found;

    for (size_t i = 0; i < found->element_count; i++) {
        const struct element *element = &found->elements[i];
        size_t first = unit_at(found, element->at);
        size_t end = units_of(found, first, element->at, element->length);
        size_t same = 0;

        if (!element->unpacked || element->kind != ELEMENT_FILE || element->skip > 0 ||
            end - first < 2)
            continue;
        for (size_t k = first; k < end; k++)
            same += side->fates[k] == FATE_SAME;
        if (same == 0 || same == end - first ||
            !starts_container(level, side, &found->units[first]))
            continue;
        for (size_t k = first; k < end; k++)
            side->fates[k] = FATE_OPEN;
    }
}

/* --- parameters ---------------------------------------------------------------------------------
 */

/* What is known of a group of units of the new side. */
struct group {
    size_t samples;
    bool worked;
    uint8_t last;               /* fate */
    struct delta_packing first; /* what worked first */
};

struct judge {
    struct level *level;
    struct level_side *side;
    struct group *groups; /* of the new side; NULL on the old one */
};

static bool unpacks(const struct level_side *side, const struct unit *unit, uint8_t *out)
{
    struct decoded decoded;

    return unit_decode((enum unit_family)unit->family, side->below.data + unit->at,
                       unit->packed_len, out, unit->unpacked_len, &decoded) &&
           decoded.packed_len == unit->packed_len && decoded.unpacked_len == unit->unpacked_len;
}

static bool fits(const struct unpack_options *options, const struct delta_packing *packing,
                 uint64_t unpacked_len, bool packs)
{
    return trial_unpack_bytes(packing, unpacked_len) <= options->unpack_bytes_max &&
           (!packs || trial_pack_bytes(packing, unpacked_len) <= options->pack_bytes_max);
}

static enum unit_fate try_all(const struct judge *judge, size_t i, const uint8_t *unpacked)
{
    const struct unit *unit = &judge->side->found->units[i];
    const struct group *group = &judge->groups[unit->group];
    struct delta_packing candidates[1 + TRIAL_CANDIDATES_MAX];
    size_t count = trial_candidates(unit, candidates + 1);
    enum unit_fate fate = FATE_NOT_EXACT;

    candidates[0] = group->first;
    for (size_t k = group->worked ? 0 : 1; k <= count; k++) {
        if (!fits(judge->level->options, &candidates[k], unit->unpacked_len, true)) {
            fate = FATE_MEMORY;
            continue;
        }
        if (!trial_pack(&candidates[k], unpacked, unit->unpacked_len,
                        judge->side->below.data + unit->at, unit->packed_len))
            continue;
        judge->side->packings[i] = candidates[k];
        return FATE_UNPACKED;
    }
    return fate;
}

static void judge_new(void *arg, size_t i)
{
    const struct judge *judge = arg;
    const struct unit *unit = &judge->side->found->units[i];
    uint8_t *fate = &judge->side->fates[i];
    AUTO_FLAT unpacked = {0};
    struct err ignored;

    if (*fate != FATE_OPEN)
        return;
    if (!flat_open(unit->unpacked_len, judge->level->options->memory_bytes, &unpacked, &ignored))
        *fate = FATE_LIMIT;
    else if (unpacks(judge->side, unit, unpacked.data))
        *fate = (uint8_t)try_all(judge, i, unpacked.data);
    else
        *fate = FATE_DAMAGED;
}

static void judge_old(void *arg, size_t i)
{
    const struct judge *judge = arg;
    const struct unit *unit = &judge->side->found->units[i];
    uint8_t *fate = &judge->side->fates[i];
    struct delta_packing candidates[TRIAL_CANDIDATES_MAX];
    AUTO_FLAT unpacked = {0};
    struct err ignored;

    if (*fate != FATE_OPEN)
        return;
    if (trial_candidates(unit, candidates) == 0) {
        *fate = FATE_NOT_EXACT;
    } else if (!fits(judge->level->options, &candidates[0], unit->unpacked_len, false)) {
        *fate = FATE_MEMORY;
    } else if (!flat_open(unit->unpacked_len, judge->level->options->memory_bytes, &unpacked,
                          &ignored)) {
        *fate = FATE_LIMIT;
    } else {
        judge->side->packings[i] = candidates[0];
        *fate = unpacks(judge->side, unit, unpacked.data) ? FATE_UNPACKED : FATE_DAMAGED;
    }
}

/* The first units of each group, one by one, so that the threads know what to try first. */
static void learn(struct judge *judge)
{
    const struct units *found = judge->side->found;

    for (size_t i = 0; i < found->unit_count; i++) {
        struct group *group = &judge->groups[found->units[i].group];
        uint8_t *fate = &judge->side->fates[i];

        if (*fate != FATE_OPEN || group->worked)
            continue;
        if (group->samples >= SAMPLES) {
            *fate = group->last;
            continue;
        }
        judge_new(judge, i);
        group->samples++;
        group->last = *fate;
        if (*fate == FATE_UNPACKED) {
            group->worked = true;
            group->first = judge->side->packings[i];
        }
    }
}

/* What the spaces may hold ends somewhere: the rest stays as it is. */
static void limit(struct level_side *side, uint64_t unpacked_bytes_max)
{
    uint64_t sum = side->below.len;

    for (size_t i = 0; i < side->found->unit_count; i++) {
        uint64_t len = side->found->units[i].unpacked_len;

        if (side->fates[i] != FATE_OPEN)
            continue;
        if (len > unpacked_bytes_max || sum > unpacked_bytes_max - len)
            side->fates[i] = FATE_LIMIT;
        else
            sum += len;
    }
}

bool level_unpacks(const struct level_side *side)
{
    for (size_t i = 0; i < side->found->unit_count; i++) {
        if (side->fates[i] == FATE_UNPACKED)
            return true;
    }
    return false;
}

void level_judge(struct level *level)
{
    struct level_side *const sides[] = {&level->old, &level->new_side};
    AUTO_FREE struct group *groups = mem_array(level->new_side.found->groups + 1, sizeof(*groups));
    struct judge judge = {level, &level->new_side, groups};

    for (size_t i = 0; i < COUNT(sides); i++) {
        size_t count = sides[i]->found->unit_count + 1;

        sides[i]->fates = mem_alloc(count);
        memset(sides[i]->fates, FATE_OPEN, count);
        sides[i]->packings = mem_array(count, sizeof(sides[i]->packings[0]));
    }
    mark_same(level);
    for (size_t i = 0; i < COUNT(sides); i++) {
        free_nested(level, sides[i]);
        free_joined(sides[i]);
        limit(sides[i], level->options->unpacked_bytes_max);
    }
    learn(&judge);
    parallel_run(level->new_side.found->unit_count, level->options->threads, judge_new, &judge);
    judge.side = &level->old;
    if (level_unpacks(&level->new_side))
        parallel_run(level->old.found->unit_count, level->options->threads, judge_old, &judge);
    else
        memset(level->old.fates, FATE_SAME, level->old.found->unit_count);
}

void level_side_done(struct level_side *side)
{
    mem_free(side->fates);
    mem_free(side->packings);
}

/* --- items
 * ---------------------------------------------------------------------------------------- */

struct fill {
    const struct level_side *side;
    struct space_level *level;
    size_t *unit; /* of each item */
    uint8_t *out;
};

static void fill_item(void *arg, size_t i)
{
    const struct fill *fill = arg;
    const struct space_item *item = &fill->level->items[i];
    struct decoded decoded;

    if (!item->packed) {
        memcpy(fill->out + item->above, fill->side->below.data + item->at, (size_t)item->len);
        return;
    }
    /* It was unpacked before, to judge it. */
    ASSERT(unit_decode((enum unit_family)fill->side->found->units[fill->unit[i]].family,
                       fill->side->below.data + item->at, item->len, fill->out + item->above,
                       item->unpacked_len, &decoded) &&
           decoded.unpacked_len == item->unpacked_len);
}

static void add_raw(struct space_level *level, uint64_t at, uint64_t end)
{
    if (at < end)
        level->items[level->count++] =
            (struct space_item){.at = at, .len = end - at, .unpacked_len = end - at};
}

bool level_build(const struct level *level, const struct level_side *side, struct space_level *out,
                 struct flat *flat, struct err *err)
{
    size_t room = 2 * side->found->unit_count + 1;
    AUTO_FREE size_t *unit = mem_array(room, sizeof(*unit));
    struct fill fill = {.side = side, .level = out, .unit = unit};
    uint64_t pos = 0;
    uint64_t length = 0;

    out->items = mem_array(room, sizeof(out->items[0]));
    for (size_t i = 0; i < side->found->unit_count; i++) {
        const struct unit *next = &side->found->units[i];

        if (side->fates[i] != FATE_UNPACKED)
            continue;
        add_raw(out, pos, next->at);
        unit[out->count] = i;
        out->items[out->count++] = (struct space_item){.at = next->at,
                                                       .len = next->packed_len,
                                                       .unpacked_len = next->unpacked_len,
                                                       .packing = side->packings[i],
                                                       .packed = true};
        pos = next->at + next->packed_len;
    }
    add_raw(out, pos, side->below.len);
    for (size_t i = 0; i < out->count; i++) {
        out->items[i].above = length;
        length += out->items[i].unpacked_len;
    }
    if (!flat_open(length, level->options->memory_bytes, flat, err))
        return false;
    fill.out = flat->data;
    parallel_run(out->count, level->options->threads, fill_item, &fill);
    return true;
}

uint64_t level_above(const struct space_level *level, uint64_t at)
{
    size_t low = 0;
    size_t high = level->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (level->items[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    if (level->count == 0)
        return at;
    if (level->items[low].packed)
        return at < level->items[low].at + level->items[low].len
                   ? level->items[low].above
                   : level->items[low].above + level->items[low].unpacked_len;
    return level->items[low].above + (at - level->items[low].at);
}

/* Where `length` unpacked bytes end that begin with the unit `first` or before it. */
static uint64_t end_of(const struct level_side *side, const struct space_level *level, uint64_t at,
                       uint64_t length)
{
    const struct units *found = side->found;

    for (size_t i = unit_at(found, at); i < found->unit_count; i++) {
        const struct unit *unit = &found->units[i];

        if (unit->at - at >= length)
            break;
        length -= unit->at - at;
        if (unit->unpacked_len >= length)
            return level_above(level, unit->at) +
                   (side->fates[i] == FATE_UNPACKED ? length : unit->packed_len);
        length -= unit->unpacked_len;
        at = unit->at + unit->packed_len;
    }
    return level_above(level, at) + length;
}

/* Of an element whose container packs files. */
static bool lift_unpacked(const struct level_side *side, const struct space_level *level,
                          struct element *element)
{
    size_t first = unit_at(side->found, element->at);
    bool in_unit = first < side->found->unit_count && side->found->units[first].at == element->at;
    uint64_t start = level_above(level, element->at) + element->skip;
    uint64_t end;

    if (element->skip > 0 && in_unit && side->fates[first] != FATE_UNPACKED)
        return false;
    end = end_of(side, level, element->at, element->skip + element->length);
    *element = (struct element){
        .at = start, .length = end - start, .path = element->path, .kind = element->kind};
    return start < end;
}

bool level_lift(const struct level_side *side, const struct space_level *level,
                struct element *element)
{
    uint64_t end;

    if (element->at > side->below.len || element->length > LENGTH_MAX || element->skip > LENGTH_MAX)
        return false;
    if (element->unpacked)
        return lift_unpacked(side, level, element);
    end = element->at + element->length;
    if (end > side->below.len)
        return false;
    end = level_above(level, end);
    element->at = level_above(level, element->at);
    element->length = end - element->at;
    return element->at < end;
}

static bool in_closed(const struct units *found, uint64_t at)
{
    size_t low = 0;
    size_t high = found->span_count;

    /* They are in order and do not overlap: the search goes on behind each. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (found->spans[middle].at + found->spans[middle].length <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < found->span_count && found->spans[low].at <= at;
}

void level_plain_parts(const struct level_side *side, const struct element *element,
                       struct units *out)
{
    const struct units *found = side->found;
    uint64_t at = element->at;
    uint64_t left = element->length;

    if (!element->unpacked || element->kind != ELEMENT_FILE || element->skip > 0 ||
        left > LENGTH_MAX || !in_closed(found, at))
        return;
    for (size_t i = unit_at(found, at); i < found->unit_count && left > 0; i++) {
        const struct unit *unit = &found->units[i];
        uint64_t plain = unit->at - at;

        if (plain >= left)
            break;
        if (plain > 0)
            units_add_span(out, (struct span){at, plain});
        left -= plain;
        left -= unit->unpacked_len < left ? unit->unpacked_len : left;
        at = unit->at + unit->packed_len;
    }
    if (left > 0 && at < side->below.len)
        units_add_span(
            out, (struct span){at, left < side->below.len - at ? left : side->below.len - at});
}
