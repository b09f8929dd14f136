#include "deltagen/find_hints.h"

#include <string.h>

#include "deltagen/unpack.h"

static bool inside(uint64_t at, uint64_t len, size_t image_len)
{
    return at <= image_len && len <= image_len - at;
}

void find_hints_match(const struct find_hints *hints, const struct image *old,
                      const struct image *new_image, struct matches *out)
{
    uint64_t floor = 0;

    for (size_t i = 0; i < hints->count; i++) {
        const struct counterpart *hint = &hints->items[i];

        if (hint->new_at < floor || hint->new_len == 0 || hint->old_len != hint->new_len ||
            !inside(hint->new_at, hint->new_len, new_image->len) ||
            !inside(hint->old_at, hint->old_len, old->len) ||
            memcmp(old->data + hint->old_at, new_image->data + hint->new_at, hint->new_len) != 0)
            continue;
        matches_add(out, (struct match){hint->new_at, hint->old_at, hint->new_len});
        floor = hint->new_at + hint->new_len;
    }
}

size_t find_hints_after(const struct find_hints *hints, uint64_t new_at)
{
    size_t low = 0;
    size_t high = hints->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hints->items[middle].new_at < new_at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t find_hints_distance(const struct find_hints *hints, uint64_t new_at)
{
    size_t i = find_hints_after(hints, new_at);

    if (i == hints->count || hints->items[i].new_at > new_at) {
        if (i == 0)
            return 0;
        i--;
    }
    return (int64_t)hints->items[i].old_at - (int64_t)hints->items[i].new_at;
}
