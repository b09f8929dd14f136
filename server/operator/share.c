/* 128 bits where a count is multiplied: no sum of devices or bytes overflows. */
#include "server/operator/share.h"

#include "lib/base/mem.h"

__extension__ typedef unsigned __int128 wide;

/* The place of the largest remainder that has not been served. */
static size_t largest(const wide *remainders, size_t count)
{
    size_t at = 0;

    for (size_t i = 1; i < count; i++) {
        if (remainders[i] > remainders[at])
            at = i;
    }
    return at;
}

void share_split(const uint64_t *counts, size_t count, uint32_t *out)
{
    AUTO_FREE wide *remainders = mem_array(count ? count : 1, sizeof(*remainders));
    uint32_t left = SHARE_WHOLE;
    wide total = 0;

    for (size_t i = 0; i < count; i++)
        total += counts[i];
    for (size_t i = 0; i < count; i++) {
        wide exact = (wide)counts[i] * SHARE_WHOLE;

        out[i] = total ? (uint32_t)(exact / total) : 0;
        remainders[i] = total ? exact % total : 0;
        left -= out[i];
    }
    for (; total && left > 0; left--) { /* fewer than there are counts */
        size_t at = largest(remainders, count);

        out[at]++;
        remainders[at] = 0;
    }
}

static bool is_whole(const json_t *array)
{
    if (json_array_size(array) == 0)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *count = json_object_get(json_array_get(array, i), "count");

        if (!json_is_integer(count) || json_integer_value(count) < 0)
            return false;
    }
    return true;
}

static void split_array(json_t *array)
{
    size_t count = json_array_size(array);
    AUTO_FREE uint64_t *counts = mem_array(count, sizeof(*counts));
    AUTO_FREE uint32_t *shares = mem_array(count, sizeof(*shares));

    for (size_t i = 0; i < count; i++)
        counts[i] =
            (uint64_t)json_integer_value(json_object_get(json_array_get(array, i), "count"));
    share_split(counts, count, shares);
    for (size_t i = 0; i < count; i++)
        ASSERT(json_object_set_new(json_array_get(array, i), "percent",
                                   json_real((double)shares[i] / 100)) == 0);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the answer of a statement of ours
void share_tree(json_t *tree)
{
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_array(tree)) {
        if (is_whole(tree))
            split_array(tree);
        json_array_foreach(tree, i, value)
        {
            share_tree(value);
        }
    } else if (json_is_object(tree)) {
        json_object_foreach(tree, name, value)
        {
            share_tree(value);
        }
    }
}
