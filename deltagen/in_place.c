/*
 * A group overwrites the region up to the end of the erase block in which it ends. Old bytes that
 * lay before are gone; so are packed items that began before, for they are unpacked from their
 * beginning. Layouts keep the image's order, so all that is left of the old space is behind one
 * place.
 */
#include "deltagen/in_place.h"

#include "deltagen/rest.h"
#include "lib/base/mem.h"
#include "lib/delta/model.h"

enum {
    GROUP_BYTES_MAX = 8 << 20,
    COVER_BYTES_MIN = 16, /* of what is left of one */
};

static uint64_t round_up(uint64_t value, uint64_t erase)
{
    return (value + erase - 1) / erase * erase;
}

static uint64_t erase_of(const struct delta_header *header)
{
    return UINT64_C(1) << header->erase_log2;
}

bool in_place_describe(const struct in_place_options *options, struct delta_header *header,
                       struct err *err)
{
    uint64_t erase = UINT64_C(1) << options->erase_log2;
    uint64_t region = options->region_bytes / erase * erase;
    uint64_t longer =
        header->old_length > header->new_length ? header->old_length : header->new_length;
    uint64_t least = round_up(longer, erase) + erase;
    uint64_t blocks;

    if (options->region_bytes == 0)
        return true;
    if (region < least)
        return err_set(err, ERR_INVALID,
                       "an update in place needs a region of at least %llu bytes, for the images "
                       "and an erase block",
                       (unsigned long long)least);
    blocks = (region - header->old_length) / erase;
    header->erase_log2 = options->erase_log2;
    header->shift_blocks =
        (uint32_t)(blocks < DELTA_SHIFT_BLOCKS_MAX ? blocks : DELTA_SHIFT_BLOCKS_MAX);
    return true;
}

/* Half of the shift: bytes that move back by less than the other half are left then. */
uint64_t in_place_group_bytes(const struct delta_header *header, unsigned attempt)
{
    uint64_t erase = erase_of(header);
    uint64_t part = (uint64_t)header->shift_blocks >> (attempt + 1);
    uint64_t most = GROUP_BYTES_MAX / erase;

    if (attempt == 0 && part == 0)
        part = 1;
    return (part < most ? part : most) * erase;
}

/* --- groups ----------------------------------------------------------------------------------- */

static const struct delta_layout *new_layout(const struct in_place_spaces *spaces)
{
    bool is = spaces->layouts && spaces->layouts->new_layout.count > 0;

    return is ? &spaces->layouts->new_layout : NULL;
}

static uint64_t image_place(const struct in_place_spaces *spaces, uint64_t at)
{
    uint64_t place = at;

    if (at == spaces->new_space)
        return spaces->header->new_length;
    if (new_layout(spaces))
        ASSERT(delta_layout_place(new_layout(spaces), at, &place));
    return place;
}

/* Where a group ends that begins at `start` and shall end at `image_end`. */
static uint64_t group_end(const struct in_place_spaces *spaces, uint64_t start, uint64_t image_end)
{
    const struct delta_layout *layout = new_layout(spaces);
    uint64_t end;

    if (image_end >= spaces->header->new_length)
        return spaces->new_space;
    if (!layout)
        return image_end;
    end = rest_of_image(layout, image_end);
    return end > start ? end : rest_after(layout, start + 1);
}

static void ends_add(struct group_ends *ends, uint64_t end)
{
    if (ends->count == ends->room) {
        ends->room = ends->room ? ends->room * 2 : 64;
        ends->items = mem_resize(ends->items, ends->room, sizeof(*ends->items));
    }
    ends->items[ends->count++] = end;
}

/* The first group overwrites nothing as long as it ends before the old image begins. */
void in_place_groups(const struct in_place_spaces *spaces, uint64_t group_bytes,
                     struct group_ends *out)
{
    uint64_t shift = erase_of(spaces->header) * spaces->header->shift_blocks;
    uint64_t bytes = shift > group_bytes ? shift : group_bytes;

    *out = (struct group_ends){0};
    for (uint64_t at = 0; at < spaces->new_space;) {
        at = group_end(spaces, at, image_place(spaces, at) + bytes);
        ends_add(out, at);
        bytes = group_bytes;
    }
}

void group_ends_done(struct group_ends *ends)
{
    mem_free(ends->items);
    *ends = (struct group_ends){0};
}

/* --- what is left ----------------------------------------------------------------------------- */

/* The first byte of the image that is read for a byte of the old space. */
static uint64_t read_from(const struct in_place_spaces *spaces, uint64_t at)
{
    const struct delta_layout *layout = spaces->layouts ? &spaces->layouts->old : NULL;

    for (unsigned i = layout ? layout->count : 0; i-- > 0;) {
        const struct delta_level *level = &layout->levels[i];
        const struct delta_item *item = &level->items[delta_level_find(level, at)];
        bool raw = delta_item_packing(item) == DELTA_RAW;

        at = delta_item_below(item) + (raw ? at - item->above : 0);
    }
    return at;
}

/* Where the old space begins for a group that ends at `end`, seen from `least` on, where it began
 * for the group before. */
static uint64_t left_from(const struct in_place_spaces *spaces, uint64_t end, uint64_t least)
{
    uint64_t erase = erase_of(spaces->header);
    uint64_t shift = erase * spaces->header->shift_blocks;
    uint64_t overwritten = round_up(image_place(spaces, end), erase);
    uint64_t low = least;
    uint64_t high = spaces->old_space;

    if (overwritten <= shift)
        return 0;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        /* The model looks at a few bytes before. */
        uint64_t first = middle < DELTA_MARGIN ? 0 : middle - DELTA_MARGIN;

        if (read_from(spaces, first) + shift >= overwritten)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Of a cover, what lies in one group and is left. */
static void add_left(const struct match *cover, uint64_t start, uint64_t end, uint64_t left,
                     struct matches *out)
{
    struct match part = *cover;
    uint64_t cover_end = cover->new_pos + cover->len;
    size_t skip = 0;

    if (part.new_pos < start)
        skip = (size_t)(start - part.new_pos);
    if (part.old_pos + skip < left)
        skip = (size_t)(left - part.old_pos);
    if (part.new_pos + skip >= end || skip >= part.len)
        return;
    part.new_pos += skip;
    part.old_pos += skip;
    part.len = (size_t)((end < cover_end ? end : cover_end) - part.new_pos);
    if (part.len >= COVER_BYTES_MIN)
        matches_add(out, part);
}

void in_place_covers(const struct in_place_spaces *spaces, const struct group_ends *ends,
                     const struct matches *covers, struct matches *out)
{
    uint64_t start = 0;
    uint64_t left = 0;
    size_t next = 0;

    for (size_t i = 0; i < ends->count; i++) {
        uint64_t end = ends->items[i];

        left = left_from(spaces, end, left);
        while (next < covers->count &&
               covers->items[next].new_pos + covers->items[next].len <= start)
            next++;
        for (size_t j = next; j < covers->count && covers->items[j].new_pos < end; j++)
            add_left(&covers->items[j], start, end, left, out);
        start = end;
    }
}
