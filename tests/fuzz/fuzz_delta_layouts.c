/*
 * The tables of a patch: 8 bytes say the images' lengths and the number of items, the rest are the
 * tables. What is accepted covers both images, and is written again with the same bytes.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/delta/layout.h"

enum { IMAGE_MAX = 1 << 20, ITEMS_MAX = 1 << 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Neighbours touch, nothing is empty, and ends are where the header says. */
static void check_layout(const struct delta_layout *layout, uint64_t image, uint64_t space)
{
    uint64_t below = image;

    for (unsigned i = 0; i < layout->count; i++) {
        const struct delta_level *level = &layout->levels[i];

        ASSERT(level->count > 0 || below == 0);
        ASSERT(delta_item_below(&level->items[0]) == 0 && level->items[0].above == 0);
        for (uint32_t k = 0; k < level->count; k++) {
            ASSERT(delta_item_below(&level->items[k]) < delta_item_below(&level->items[k + 1]));
            ASSERT(level->items[k].above < level->items[k + 1].above);
            ASSERT(delta_level_find(level, level->items[k].above) == k);
            ASSERT(delta_level_find(level, level->items[k + 1].above - 1) == k);
        }
        ASSERT(delta_item_below(&level->items[level->count]) == below);
        below = level->items[level->count].above;
    }
    ASSERT(below == space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct delta_header header = {.old_length = bytes_u16(&in), .new_length = bytes_u16(&in)};
    uint8_t levels = bytes_u8(&in);
    struct delta_layouts layouts;
    AUTO_FREE uint8_t *memory = NULL;
    struct delta_space space;
    struct bytes tables;
    struct err err = {0};

    header.items = bytes_u16(&in) % ITEMS_MAX;
    header.old_levels = levels % (DELTA_LEVELS_MAX + 1);
    header.new_levels = levels / 16 % (DELTA_LEVELS_MAX + 1);
    header.old_space = (uint64_t)bytes_u16(&in) << 2;
    header.new_space = (uint64_t)bytes_u16(&in) << 2;
    if (header.old_levels == 0)
        header.old_space = header.old_length;
    if (header.new_levels == 0)
        header.new_space = header.new_length;
    if (in.failed)
        return 0;
    header.table_bytes = (uint32_t)bytes_left(&in);
    memory = mem_alloc((size_t)delta_layouts_bytes(&header) + DELTA_SPACE_ALIGN);
    space = (struct delta_space){memory, (size_t)delta_layouts_bytes(&header)};
    tables = bytes_of(data + in.pos, bytes_left(&in));
    if (!delta_layouts_read(&tables, &header, &space, &layouts, &err)) {
        ASSERT(err.code == ERR_UNTRUSTED);
        return 0;
    }
    check_layout(&layouts.old, header.old_length, header.old_space);
    check_layout(&layouts.new_layout, header.new_length, header.new_space);
    ASSERT(delta_layouts_items(&layouts) == header.items);
    {
        AUTO_BUF again;

        buf_init(&again, size + 1);
        delta_layouts_format(&layouts, &again);
        ASSERT(again.len == header.table_bytes &&
               memcmp(again.data, data + in.pos, again.len) == 0);
    }
    return 0;
}
