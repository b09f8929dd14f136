#include "lib/delta/sink.h"

enum { OUT_BYTES = 4 << 10 };

struct sink_level {
    const struct delta_level *level;
    uint32_t item; /* where the next byte belongs */
    uint64_t at;   /* of this level, so far */
    size_t memory_bytes;
    uint8_t *memory; /* of the packer; NULL: nothing is packed here */
    uint8_t *out;    /* OUT_BYTES */
    const struct delta_repack_ops *ops;
    void *state;     /* NULL: no item is begun */
    uint64_t packed; /* bytes that came out of it */
};

struct delta_sink {
    const struct delta_layout *layout;
    struct delta_drain drain;
    struct sink_level levels[DELTA_LEVELS_MAX];
};

static uint64_t length_above(const struct delta_item *item)
{
    return item[1].above - item->above;
}

static uint64_t length_below(const struct delta_item *item)
{
    return delta_item_below(item + 1) - delta_item_below(item);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Of the largest packer; UINT64_MAX when there is an item that cannot be packed. */
static uint64_t level_memory(const struct delta_layout *layout, const struct delta_level *level)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < level->count; i++) {
        const struct delta_item *item = &level->items[i];
        unsigned which = delta_item_packing(item);
        const struct delta_packing *packing = &layout->packings[which & (DELTA_PACKINGS_MAX - 1)];
        const struct delta_repack_ops *ops;
        uint64_t memory;

        if (which == DELTA_RAW)
            continue;
        ops = delta_repack_find(packing->method);
        memory = ops ? ops->pack_bytes(packing, length_above(item)) : UINT64_MAX;
        if (memory > DELTA_REPACK_BYTES_MAX)
            return UINT64_MAX;
        most = memory > most ? memory : most;
    }
    return most;
}

uint64_t delta_sink_bytes(const struct delta_layout *layout)
{
    uint64_t sum = delta_space_of(sizeof(struct delta_sink));

    if (layout->count == 0)
        return 0;
    for (unsigned i = 0; i < layout->count; i++) {
        uint64_t memory = level_memory(layout, &layout->levels[i]);

        if (memory == UINT64_MAX)
            return UINT64_MAX;
        if (memory > 0)
            sum += delta_space_of((size_t)memory) + delta_space_of(OUT_BYTES);
    }
    return sum;
}

bool delta_sink_open(const struct delta_header *header, const struct delta_layout *layout,
                     const struct delta_drain *drain, struct delta_space *space,
                     struct delta_sink **out, struct err *err)
{
    struct delta_sink *sink;

    if (delta_sink_bytes(layout) > header->pack_bytes)
        return err_refuse(err, REFUSAL_DELTA_LIMIT,
                          "patch needs more memory for packing than its header says");
    sink = delta_space_take(space, sizeof(*sink));
    ASSERT(sink);
    *sink = (struct delta_sink){.layout = layout, .drain = *drain};
    for (unsigned i = 0; i < layout->count; i++) {
        struct sink_level *level = &sink->levels[i];

        level->level = &layout->levels[i];
        level->memory_bytes = (size_t)level_memory(layout, level->level);
        if (level->memory_bytes == 0)
            continue;
        level->memory = delta_space_take(space, level->memory_bytes);
        level->out = delta_space_take(space, OUT_BYTES);
        ASSERT(level->memory && level->out);
    }
    *out = sink;
    return true;
}

bool delta_sink_go(struct delta_sink *sink, uint64_t at, uint64_t *out_image_at, struct err *err)
{
    uint64_t place = at;

    if (!delta_layout_place(sink->layout, at, out_image_at))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "checkpoint lies within a packed part");
    for (unsigned i = sink->layout->count; i-- > 0;) {
        struct sink_level *level = &sink->levels[i];
        const struct delta_item *items = level->level->items;
        uint32_t count = level->level->count;

        level->at = place;
        level->item = place >= items[count].above ? count : delta_level_find(level->level, place);
        level->state = NULL;
        place = delta_item_below(&items[level->item]) + (place - items[level->item].above);
    }
    return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_level(struct delta_sink *sink, unsigned levels, const uint8_t *data, size_t len,
                        struct err *err);

static bool wrong_length(struct err *err)
{
    return err_refuse(err, REFUSAL_DELTA_RESULT_HASH,
                      "patch did not give the image that it names: a part packs to another length");
}

/* Packs what is given, all of it; when that ends the item, to its end. */
static bool pack(struct delta_sink *sink, unsigned levels, const uint8_t *data, size_t len,
                 bool ending, struct err *err)
{
    struct sink_level *level = &sink->levels[levels - 1];
    uint64_t want = length_below(&level->level->items[level->item]);
    struct delta_flow flow = {.in = data, .in_len = len, .ending = ending};

    while (ending ? !flow.done : flow.in_len > 0) {
        size_t had = flow.in_len;
        size_t made;

        flow.out = level->out;
        flow.room = OUT_BYTES;
        if (!level->ops->step(level->state, &flow, err))
            return false;
        made = OUT_BYTES - flow.room;
        if (made > want - level->packed || (made == 0 && flow.in_len == had && !flow.done))
            return wrong_length(err);
        level->packed += made;
        if (!write_level(sink, levels - 1, level->out, made, err))
            return false;
    }
    return !ending || level->packed == want || wrong_length(err);
}

static bool begin(const struct delta_sink *sink, struct sink_level *level, struct err *err)
{
    const struct delta_item *item = &level->level->items[level->item];
    const struct delta_packing *packing = &sink->layout->packings[delta_item_packing(item)];
    struct delta_space space = {level->memory, delta_space_of(level->memory_bytes)};

    level->ops = delta_repack_find(packing->method);
    level->packed = 0;
    return level->ops->pack_open(packing, length_above(item), &space, &level->state, err);
}

static bool write_level(struct delta_sink *sink, unsigned levels, const uint8_t *data, size_t len,
                        struct err *err)
{
    struct sink_level *level;

    if (levels == 0)
        return sink->drain.write(sink->drain.arg, data, len, err);
    level = &sink->levels[levels - 1];
    while (len > 0) {
        const struct delta_item *item = &level->level->items[level->item];
        uint64_t left;
        size_t some;

        if (level->item == level->level->count)
            return wrong_length(err);
        left = item[1].above - level->at;
        some = left < len ? (size_t)left : len;
        if (delta_item_packing(item) == DELTA_RAW) {
            if (!write_level(sink, levels - 1, data, some, err))
                return false;
        } else if ((!level->state && !begin(sink, level, err)) ||
                   !pack(sink, levels, data, some, some == left, err)) {
            return false;
        }
        level->at += some;
        data += some;
        len -= some;
        if (some == left) {
            level->item++;
            level->state = NULL;
        }
    }
    return true;
}

bool delta_sink_write(struct delta_sink *sink, const uint8_t *data, size_t len, struct err *err)
{
    return write_level(sink, sink->layout->count, data, len, err);
}

bool delta_sink_is_at_rest(const struct delta_sink *sink)
{
    for (unsigned i = 0; i < sink->layout->count; i++)
        if (sink->levels[i].state)
            return false;
    return true;
}
