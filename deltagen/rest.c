/*
 * From the topmost level down: a place within a packed item moves to that item's end (or start),
 * a level below may move it again, and then it is lifted to the top and looked at anew. Every
 * round moves it one way, so there is an end.
 */
#include "deltagen/rest.h"

enum way { BACK, ON };

static bool is_packed(const struct delta_item *item)
{
    return delta_item_packing(item) != DELTA_RAW;
}

static uint64_t end_of(const struct delta_level *level)
{
    return level->items[level->count].above;
}

/* A place of the level at rest there: itself, or the end or start of the item it is in. */
static uint64_t settle(const struct delta_level *level, uint64_t at, enum way way)
{
    const struct delta_item *item;

    if (at >= end_of(level))
        return end_of(level);
    item = &level->items[delta_level_find(level, at)];
    if (!is_packed(item) || at == item->above)
        return at;
    return way == ON ? item[1].above : item->above;
}

static uint64_t down(const struct delta_level *level, uint64_t at)
{
    const struct delta_item *item;

    if (at >= end_of(level))
        return delta_item_below(&level->items[level->count]);
    item = &level->items[delta_level_find(level, at)];
    return delta_item_below(item) + (at - item->above);
}

/* A place below to one above; within a packed item to its end or start. */
static uint64_t up(const struct delta_level *level, uint64_t below, enum way way)
{
    uint32_t low = 0;
    uint32_t high = level->count;
    const struct delta_item *item;

    if (below >= delta_item_below(&level->items[level->count]))
        return end_of(level);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (delta_item_below(&level->items[middle]) <= below)
            low = middle;
        else
            high = middle;
    }
    item = &level->items[low];
    if (!is_packed(item))
        return item->above + (below - delta_item_below(item));
    if (below == delta_item_below(item))
        return item->above;
    return way == ON ? item[1].above : item->above;
}

static uint64_t find(const struct delta_layout *layout, uint64_t at, enum way way)
{
    for (;;) {
        uint64_t place = at;
        unsigned i = layout->count;
        bool moved = false;

        while (i > 0 && !moved) {
            uint64_t settled = settle(&layout->levels[--i], place, way);

            moved = settled != place;
            place = moved ? settled : down(&layout->levels[i], place);
        }
        if (!moved)
            return at;
        for (i++; i < layout->count; i++)
            place = up(&layout->levels[i], place, way);
        at = place;
    }
}

uint64_t rest_after(const struct delta_layout *layout, uint64_t at)
{
    return find(layout, at, ON);
}

uint64_t rest_before(const struct delta_layout *layout, uint64_t at)
{
    return find(layout, at, BACK);
}

uint64_t rest_of_image(const struct delta_layout *layout, uint64_t image_at)
{
    uint64_t at = image_at;

    for (unsigned i = 0; i < layout->count; i++)
        at = up(&layout->levels[i], at, BACK);
    return rest_before(layout, at);
}
