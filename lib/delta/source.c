#include "lib/delta/source.h"

#include <string.h>

#include "lib/delta/apply.h"

enum {
    SLOTS_MAX = 2,
    IN_BYTES = 4 << 10,
    CACHE_BYTES_MAX = 128 << 10,
    NEAR_BYTES = 256 << 10, /* ahead: unpacked on, rather than elsewhere */
};

/* An unpacker's memory as it was at a place. It holds addresses of itself, so it goes back to where
 * it came from only. */
struct state {
    bool is;
    uint64_t produced;
    uint64_t in_used;
    uint8_t *memory;
};

/* One packed item, being unpacked. */
struct slot {
    bool is_open;
    uint32_t item;
    uint64_t used; /* a clock: the other one is given up */
    const struct delta_repack_ops *ops;
    void *state;
    uint8_t *memory; /* of the decoder */
    uint8_t *in;     /* IN_BYTES of packed bytes */
    size_t in_pos, in_len;
    uint64_t in_read;                             /* packed bytes read from below */
    uint8_t *cache;                               /* a ring of the last bytes */
    uint64_t produced;                            /* unpacked bytes so far */
    uint64_t cached_from;                         /* the first of them that may be in the ring */
    struct state states[DELTA_SOURCE_STATES_MAX]; /* of this item, at growing places */
};

struct source_level {
    const struct delta_level *level;
    uint32_t last; /* item that was found last */
    unsigned slot_count;
    unsigned state_count; /* of each slot */
    size_t memory_bytes, cache_bytes;
    struct slot slots[SLOTS_MAX];
};

struct delta_source {
    const struct delta_layout *layout;
    const struct delta_io *io;
    struct source_level levels[DELTA_LEVELS_MAX];
    uint64_t work_left;
    uint64_t clock;
};

/* --- memory ----------------------------------------------------------------------------------- */

static uint64_t length_above(const struct delta_item *item)
{
    return item[1].above - item->above;
}

static uint64_t length_below(const struct delta_item *item)
{
    return delta_item_below(item + 1) - delta_item_below(item);
}

/* The largest decoder, the largest cache and the longest item of a level. False: an item cannot be
 * unpacked. */
static bool level_sizes(const struct delta_layout *layout, const struct delta_level *level,
                        uint64_t *out_memory, uint64_t *out_cache, uint64_t *out_longest)
{
    *out_memory = *out_cache = *out_longest = 0;
    for (uint32_t i = 0; i < level->count; i++) {
        const struct delta_item *item = &level->items[i];
        unsigned which = delta_item_packing(item);
        const struct delta_packing *packing = &layout->packings[which & (DELTA_PACKINGS_MAX - 1)];
        const struct delta_repack_ops *ops;
        uint64_t memory;
        uint64_t cache = length_above(item);

        if (which == DELTA_RAW)
            continue;
        ops = delta_repack_find(packing->method);
        memory = ops ? ops->unpack_bytes(packing, length_above(item)) : UINT64_MAX;
        if (memory > DELTA_REPACK_BYTES_MAX)
            return false;
        *out_longest = cache > *out_longest ? cache : *out_longest;
        if (cache > CACHE_BYTES_MAX)
            cache = CACHE_BYTES_MAX;
        *out_memory = memory > *out_memory ? memory : *out_memory;
        *out_cache = cache > *out_cache ? cache : *out_cache;
    }
    return true;
}

static uint64_t slot_bytes(uint64_t memory, uint64_t cache, unsigned states)
{
    return delta_space_of((size_t)memory) * (1 + states) + delta_space_of((size_t)cache) +
           delta_space_of(IN_BYTES);
}

uint64_t delta_source_bytes(const struct delta_layout *layout, unsigned slots, unsigned states)
{
    uint64_t sum = delta_space_of(sizeof(struct delta_source));

    if (layout->count == 0)
        return 0;
    for (unsigned i = 0; i < layout->count; i++) {
        uint64_t memory;
        uint64_t cache;
        uint64_t longest;

        if (!level_sizes(layout, &layout->levels[i], &memory, &cache, &longest))
            return UINT64_MAX;
        if (cache > 0)
            sum += slots * slot_bytes(memory, cache, longest > cache ? states : 0);
    }
    return sum;
}

bool delta_source_is_long(const struct delta_layout *layout)
{
    for (unsigned i = 0; i < layout->count; i++) {
        uint64_t memory;
        uint64_t cache;
        uint64_t longest;

        if (level_sizes(layout, &layout->levels[i], &memory, &cache, &longest) && longest > cache)
            return true;
    }
    return false;
}

static void open_slots(struct source_level *level, struct delta_space *space)
{
    if (level->cache_bytes == 0)
        level->slot_count = 0;
    for (unsigned i = 0; i < level->slot_count; i++) {
        struct slot *slot = &level->slots[i];

        slot->memory = delta_space_take(space, level->memory_bytes);
        slot->cache = delta_space_take(space, level->cache_bytes);
        slot->in = delta_space_take(space, IN_BYTES);
        ASSERT(slot->memory && slot->cache && slot->in);
        for (unsigned j = 0; j < level->state_count; j++) {
            slot->states[j].memory = delta_space_take(space, level->memory_bytes);
            ASSERT(slot->states[j].memory);
        }
    }
}

/* As much of everything as the header's memory holds: two unpackers rather than states, and as many
 * states as there is room for. */
static bool choose_sizes(const struct delta_header *header, const struct delta_layout *layout,
                         unsigned *slots, unsigned *states)
{
    *states = 0;
    for (*slots = SLOTS_MAX; *slots > 0; --*slots)
        if (delta_source_bytes(layout, *slots, 0) <= header->unpack_bytes)
            break;
    if (*slots == 0)
        return false;
    while (delta_source_is_long(layout) && *states < DELTA_SOURCE_STATES_MAX &&
           delta_source_bytes(layout, *slots, *states + 1) <= header->unpack_bytes)
        ++*states;
    return true;
}

bool delta_source_open(const struct delta_header *header, const struct delta_layout *layout,
                       const struct delta_io *io, struct delta_space *space,
                       struct delta_source **out, struct err *err)
{
    unsigned slots;
    unsigned states;
    struct delta_source *source;

    if (!choose_sizes(header, layout, &slots, &states))
        return err_refuse(err, REFUSAL_DELTA_LIMIT,
                          "patch needs more memory for unpacking than its header says");
    source = delta_space_take(space, sizeof(*source));
    ASSERT(source);
    *source = (struct delta_source){
        .layout = layout,
        .io = io,
        .work_left = DELTA_SOURCE_WORK * (header->old_space + header->new_space) + (64 << 20)};
    for (unsigned i = 0; i < layout->count; i++) {
        struct source_level *level = &source->levels[i];
        uint64_t memory;
        uint64_t cache;
        uint64_t longest;

        level->level = &layout->levels[i];
        ASSERT(level_sizes(layout, level->level, &memory, &cache, &longest));
        level->memory_bytes = (size_t)memory;
        level->cache_bytes = (size_t)cache;
        level->slot_count = slots;
        level->state_count = longest > cache ? states : 0;
        open_slots(level, space);
    }
    *out = source;
    return true;
}

void delta_source_forget(struct delta_source *source)
{
    for (unsigned i = 0; i < source->layout->count; i++)
        for (unsigned j = 0; j < source->levels[i].slot_count; j++)
            source->levels[i].slots[j].is_open = false;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_level(struct delta_source *source, unsigned levels, uint64_t at, uint8_t *out,
                       size_t len, struct err *err);

static bool slot_begin(const struct delta_source *source, struct source_level *level,
                       struct slot *slot, uint32_t number, struct err *err)
{
    const struct delta_item *item = &level->level->items[number];
    const struct delta_packing *packing = &source->layout->packings[delta_item_packing(item)];
    struct delta_space space = {slot->memory, delta_space_of(level->memory_bytes)};

    slot->is_open = false;
    slot->item = number;
    slot->ops = delta_repack_find(packing->method);
    slot->in_pos = slot->in_len = 0;
    slot->in_read = slot->produced = slot->cached_from = 0;
    for (unsigned i = 0; i < level->state_count; i++)
        slot->states[i].is = false;
    if (!slot->ops->unpack_open(packing, length_above(item), &space, &slot->state, err))
        return false;
    slot->is_open = true;
    return true;
}

/* More packed bytes, when those at hand are used up. */
static bool slot_feed(struct delta_source *source, unsigned levels, struct slot *slot,
                      struct err *err)
{
    const struct delta_item *item = &source->levels[levels - 1].level->items[slot->item];
    uint64_t left = length_below(item) - slot->in_read;
    size_t some = left < IN_BYTES ? (size_t)left : IN_BYTES;

    if (slot->in_pos < slot->in_len || some == 0)
        return true;
    if (!read_level(source, levels - 1, delta_item_below(item) + slot->in_read, slot->in, some,
                    err))
        return false;
    slot->in_read += some;
    slot->in_pos = 0;
    slot->in_len = some;
    return true;
}

static bool damaged(struct err *err)
{
    return err_refuse(err, REFUSAL_DELTA_BASE,
                      "old image does not unpack: it is not the one that the patch is for");
}

/* Keeps the state where the next of them belongs. */
static void keep_state(const struct source_level *level, struct slot *slot)
{
    const struct delta_item *item = &level->level->items[slot->item];
    uint64_t stride = length_above(item) / (level->state_count + 1) + 1;
    uint64_t number = slot->produced / stride; /* 0: the beginning needs none */
    struct state *state;

    if (number == 0 || number > level->state_count || length_above(item) <= level->cache_bytes)
        return;
    state = &slot->states[number - 1];
    if (state->is)
        return;
    memcpy(state->memory, slot->memory, level->memory_bytes);
    state->is = true;
    state->produced = slot->produced;
    state->in_used = slot->in_read - (slot->in_len - slot->in_pos);
}

/* To the last state kept before a place, when that is nearer than where the slot is. */
static void go_back(const struct source_level *level, struct slot *slot, uint64_t at)
{
    const struct state *best = NULL;

    for (unsigned i = 0; i < level->state_count; i++)
        if (slot->states[i].is && slot->states[i].produced <= at)
            best = &slot->states[i];
    if (!best || (slot->produced <= at && best->produced <= slot->produced))
        return;
    memcpy(slot->memory, best->memory, level->memory_bytes);
    slot->produced = slot->cached_from = best->produced;
    slot->in_read = best->in_used;
    slot->in_pos = slot->in_len = 0;
}

/* Unpacks some bytes into the ring. */
static bool slot_step(struct delta_source *source, unsigned levels, struct slot *slot,
                      struct err *err)
{
    struct source_level *level = &source->levels[levels - 1];
    const struct delta_item *item = &level->level->items[slot->item];
    size_t at = (size_t)(slot->produced % level->cache_bytes);
    uint64_t left = length_above(item) - slot->produced;
    struct delta_flow flow = {0};
    struct err why = {0};
    size_t made;

    if (!slot_feed(source, levels, slot, err))
        return false;
    flow.in = slot->in + slot->in_pos;
    flow.in_len = slot->in_len - slot->in_pos;
    flow.out = slot->cache + at;
    flow.room = level->cache_bytes - at < left ? level->cache_bytes - at : (size_t)left;
    flow.ending = slot->in_read == length_below(item);
    made = flow.room;
    if (!slot->ops->step(slot->state, &flow, &why))
        return damaged(err);
    made -= flow.room;
    if (made == 0 && flow.in_len == slot->in_len - slot->in_pos)
        return damaged(err);
    slot->in_pos = slot->in_len - flow.in_len;
    slot->produced += made;
    keep_state(level, slot);
    if (made > source->work_left)
        return err_refuse(err, REFUSAL_DELTA_LIMIT, "patch has the old image unpacked too often");
    source->work_left -= made;
    return true;
}

/* The oldest byte of the item that the slot still has. */
static uint64_t kept_from(const struct source_level *level, const struct slot *slot)
{
    uint64_t from = slot->produced > level->cache_bytes ? slot->produced - level->cache_bytes : 0;

    return from > slot->cached_from ? from : slot->cached_from;
}

/* One that has the place or comes to it soon; else the one that was used least lately. */
static struct slot *slot_for(struct delta_source *source, struct source_level *level, uint32_t item,
                             uint64_t at)
{
    struct slot *found = &level->slots[0];

    for (unsigned i = 0; i < level->slot_count; i++) {
        struct slot *slot = &level->slots[i];

        if (slot->is_open && slot->item == item && at >= kept_from(level, slot) &&
            at < slot->produced + NEAR_BYTES) {
            found = slot;
            break;
        }
        if (slot->used < found->used)
            found = slot;
    }
    found->used = ++source->clock;
    return found;
}

/* Some bytes from `at` of the item on; at least one. */
/* NOLINTNEXTLINE(readability-function-size): a read of any space says so much */
static bool read_packed(struct delta_source *source, unsigned levels, uint32_t item, uint64_t at,
                        uint8_t *out, size_t len, size_t *got, struct err *err)
{
    struct source_level *level = &source->levels[levels - 1];
    struct slot *slot = slot_for(source, level, item, at);
    size_t from;

    if ((!slot->is_open || slot->item != item) && !slot_begin(source, level, slot, item, err))
        return false;
    if (at < kept_from(level, slot) || at >= slot->produced + NEAR_BYTES)
        go_back(level, slot, at);
    if (at < kept_from(level, slot) && !slot_begin(source, level, slot, item, err))
        return false;
    while (slot->produced <= at)
        if (!slot_step(source, levels, slot, err)) {
            slot->is_open = false;
            return false;
        }
    from = (size_t)(at % level->cache_bytes);
    *got = level->cache_bytes - from;
    if (*got > slot->produced - at)
        *got = (size_t)(slot->produced - at);
    if (*got > len)
        *got = len;
    memcpy(out, slot->cache + from, *got);
    return true;
}

static bool read_level(struct delta_source *source, unsigned levels, uint64_t at, uint8_t *out,
                       size_t len, struct err *err)
{
    struct source_level *level;

    if (levels == 0)
        return source->io->read_old(source->io->arg, at, out, len, err);
    level = &source->levels[levels - 1];
    while (len > 0) {
        const struct delta_item *item = &level->level->items[level->last];
        size_t got;

        if (at < item->above || at >= item[1].above) {
            level->last = delta_level_find(level->level, at);
            item = &level->level->items[level->last];
        }
        got = item[1].above - at < len ? (size_t)(item[1].above - at) : len;
        if (delta_item_packing(item) != DELTA_RAW) {
            if (!read_packed(source, levels, level->last, at - item->above, out, got, &got, err))
                return false;
        } else if (!read_level(source, levels - 1, delta_item_below(item) + (at - item->above), out,
                               got, err)) {
            return false;
        }
        at += got;
        out += got;
        len -= got;
    }
    return true;
}

bool delta_source_read(struct delta_source *source, uint64_t at, uint8_t *out, size_t len,
                       struct err *err)
{
    return read_level(source, source->layout->count, at, out, len, err);
}
