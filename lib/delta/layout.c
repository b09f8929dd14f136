/* Lengths are checked against what is left of the level below before anything is added, so no sum
 * can pass 2^42 below; above, the unpacked lengths are bounded by the space's own limit. */
#include "lib/delta/layout.h"

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "%s", what);
}

uint64_t delta_item_below(const struct delta_item *item)
{
    return item->below_packing >> 16;
}

unsigned delta_item_packing(const struct delta_item *item)
{
    return (unsigned)(item->below_packing & 0xFFFF);
}

struct delta_item delta_item_of(uint64_t below, unsigned packing, uint64_t above)
{
    return (struct delta_item){below << 16 | packing, above};
}

uint64_t delta_layouts_bytes(const struct delta_header *header)
{
    return delta_space_of((size_t)header->items * sizeof(struct delta_item));
}

uint32_t delta_layouts_items(const struct delta_layouts *layouts)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < layouts->old.count; i++)
        sum += layouts->old.levels[i].count + 1;
    for (unsigned i = 0; i < layouts->new_layout.count; i++)
        sum += layouts->new_layout.levels[i].count + 1;
    return sum;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
    struct bytes *in;
    struct delta_item *items; /* that are left */
    uint32_t left;
    unsigned packings;
};

static bool read_packings(struct bytes *in, struct delta_layouts *out, struct err *err)
{
    uint64_t count = bytes_varint(in);

    if (in->failed || count > DELTA_PACKINGS_MAX)
        return refuse(err, "patch tables name too many packings");
    for (uint64_t i = 0; i < count; i++)
        if (!delta_packing_read(in, &out->packings[i], err))
            return false;
    out->packing_count = (unsigned)count;
    return true;
}

/* The next item's lengths; `*unpacked` holds the one before's. */
static bool read_item(struct reader *reader, uint64_t *below, unsigned *packing, uint64_t *unpacked,
                      struct err *err)
{
    uint64_t word = bytes_varint(reader->in);
    uint64_t which;

    *below = word >> 1;
    *packing = DELTA_RAW;
    if (!(word & 1))
        return !reader->in->failed || refuse(err, "patch tables are cut short");
    which = bytes_varint(reader->in);
    *unpacked += (uint64_t)delta_unzigzag(bytes_varint(reader->in));
    if (reader->in->failed)
        return refuse(err, "patch tables are cut short");
    if (which >= reader->packings)
        return refuse(err, "patch tables name a packing that they do not have");
    *packing = (unsigned)which;
    return true;
}

static bool read_level(struct reader *reader, uint64_t below_length, struct delta_level *out,
                       uint64_t *out_length, struct err *err)
{
    uint64_t count = bytes_varint(reader->in);
    uint64_t below = 0;
    uint64_t above = 0;
    uint64_t unpacked = 0;
    bool was_raw = false;

    if (reader->in->failed || count >= reader->left)
        return refuse(err, "patch tables have more items than the header says");
    *out = (struct delta_level){reader->items, (uint32_t)count};
    for (uint64_t i = 0; i < count; i++) {
        uint64_t len_below = 0;
        uint64_t len_above;
        unsigned packing;

        if (!read_item(reader, &len_below, &packing, &unpacked, err))
            return false;
        len_above = packing == DELTA_RAW ? len_below : unpacked;
        if (len_below == 0 || len_below > below_length - below || len_above == 0 ||
            len_above > DELTA_LENGTH_MAX - above || (packing == DELTA_RAW && was_raw))
            return refuse(err, "patch tables have an impossible item");
        was_raw = packing == DELTA_RAW;
        reader->items[i] = delta_item_of(below, packing, above);
        below += len_below;
        above += len_above;
    }
    if (below != below_length)
        return refuse(err, "patch tables do not cover the image");
    reader->items[count] = delta_item_of(below, DELTA_RAW, above);
    reader->items += count + 1;
    reader->left -= (uint32_t)count + 1;
    *out_length = above;
    return true;
}

static bool read_layout(struct reader *reader, unsigned levels, uint64_t image_length,
                        uint64_t space_length, struct delta_layout *out, struct err *err)
{
    uint64_t length = image_length;

    out->count = levels;
    for (unsigned i = 0; i < levels; i++)
        if (!read_level(reader, length, &out->levels[i], &length, err))
            return false;
    return length == space_length ||
           refuse(err, "patch tables make a space of another length than the header's");
}

bool delta_layouts_read(struct bytes *in, const struct delta_header *header,
                        struct delta_space *space, struct delta_layouts *out, struct err *err)
{
    struct reader reader = {.in = in, .left = header->items};

    *out = (struct delta_layouts){0};
    out->old.packings = out->new_layout.packings = out->packings;
    reader.items = delta_space_take(space, (size_t)header->items * sizeof(struct delta_item));
    ASSERT(reader.items);
    if (!read_packings(in, out, err))
        return false;
    reader.packings = out->packing_count;
    if (!read_layout(&reader, header->old_levels, header->old_length, header->old_space, &out->old,
                     err) ||
        !read_layout(&reader, header->new_levels, header->new_length, header->new_space,
                     &out->new_layout, err))
        return false;
    if (reader.left != 0 || bytes_left(in) != 0)
        return refuse(err, "patch tables have another length than the header says");
    return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void format_level(const struct delta_level *level, struct buf *out)
{
    uint64_t unpacked = 0;

    buf_add_varint(out, level->count);
    for (uint32_t i = 0; i < level->count; i++) {
        const struct delta_item *item = &level->items[i];
        uint64_t len_below = delta_item_below(item + 1) - delta_item_below(item);
        uint64_t len_above = item[1].above - item->above;
        unsigned packing = delta_item_packing(item);

        buf_add_varint(out, len_below << 1 | (packing != DELTA_RAW));
        if (packing == DELTA_RAW)
            continue;
        buf_add_varint(out, packing);
        buf_add_varint(out, delta_zigzag((int64_t)(len_above - unpacked)));
        unpacked = len_above;
    }
}

void delta_layouts_format(const struct delta_layouts *layouts, struct buf *out)
{
    buf_add_varint(out, layouts->packing_count);
    for (unsigned i = 0; i < layouts->packing_count; i++)
        delta_packing_format(&layouts->packings[i], out);
    for (unsigned i = 0; i < layouts->old.count; i++)
        format_level(&layouts->old.levels[i], out);
    for (unsigned i = 0; i < layouts->new_layout.count; i++)
        format_level(&layouts->new_layout.levels[i], out);
}

/* --- looking up ------------------------------------------------------------------------------- */

uint32_t delta_level_find(const struct delta_level *level, uint64_t at)
{
    uint32_t low = 0;
    uint32_t high = level->count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (level->items[middle].above <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bool delta_layout_place(const struct delta_layout *layout, uint64_t at, uint64_t *out_image_at)
{
    for (unsigned i = layout->count; i-- > 0;) {
        const struct delta_level *level = &layout->levels[i];
        const struct delta_item *item;

        if (at >= level->items[level->count].above) {
            at = delta_item_below(&level->items[level->count]);
            continue;
        }
        item = &level->items[delta_level_find(level, at)];
        if (delta_item_packing(item) != DELTA_RAW && at != item->above)
            return false;
        at = delta_item_below(item) + (at - item->above);
    }
    *out_image_at = at;
    return true;
}
