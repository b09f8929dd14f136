/* Levels of which nothing is unpacked do not occur; raw neighbours become one item. */
#include "deltagen/spaces.h"

#include <string.h>

#include "lib/base/mem.h"

static bool packing_of(struct delta_layouts *layouts, const struct delta_packing *packing,
                       unsigned *out)
{
    for (*out = 0; *out < layouts->packing_count; ++*out)
        if (memcmp(&layouts->packings[*out], packing, sizeof(*packing)) == 0)
            return true;
    if (layouts->packing_count == DELTA_PACKINGS_MAX)
        return false;
    layouts->packings[layouts->packing_count++] = *packing;
    return true;
}

static bool level_of(struct delta_layouts *layouts, const struct space_level *from,
                     struct delta_item **items, struct delta_level *out)
{
    const struct space_item *last = &from->items[from->count - 1];
    uint32_t count = 0;

    out->items = *items;
    for (size_t i = 0; i < from->count; i++) {
        const struct space_item *item = &from->items[i];
        unsigned packing = DELTA_RAW;

        if (item->packed && !packing_of(layouts, &item->packing, &packing))
            return false;
        if (!item->packed && count > 0 && delta_item_packing(&out->items[count - 1]) == DELTA_RAW)
            continue;
        out->items[count++] = delta_item_of(item->at, packing, item->above);
    }
    out->items[count] =
        delta_item_of(last->at + last->len, DELTA_RAW, last->above + last->unpacked_len);
    out->count = count;
    *items += count + 1;
    return true;
}

static bool layout_of(struct spaces *spaces, const struct space *from, struct delta_item **items,
                      struct delta_layout *out)
{
    out->packings = spaces->layouts.packings;
    for (unsigned i = 0; i < from->level_count; i++)
        if (!level_of(&spaces->layouts, &from->levels[i], items, &out->levels[i]))
            return false;
    out->count = from->level_count;
    return true;
}

static size_t items_of(const struct space *space)
{
    size_t sum = 0;

    for (unsigned i = 0; i < space->level_count; i++)
        sum += space->levels[i].count + 1;
    return sum;
}

bool spaces_of(const struct unpacked *unpacked, struct spaces *out)
{
    size_t count = items_of(&unpacked->old) + items_of(&unpacked->new_space);
    struct delta_item *items;

    *out = (struct spaces){0};
    if (count > DELTA_ITEMS_MAX)
        return false;
    items = out->items = mem_array(count + 1, sizeof(*items));
    return layout_of(out, &unpacked->old, &items, &out->layouts.old) &&
           layout_of(out, &unpacked->new_space, &items, &out->layouts.new_layout);
}

void spaces_done(struct spaces *spaces)
{
    mem_free(spaces->items);
    spaces->items = NULL;
}
