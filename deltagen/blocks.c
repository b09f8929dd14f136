/*
 * A rolling hash of one block's length goes over the new image and is looked up among the hashes
 * of the old image's aligned blocks. Blocks of one repeated byte stay out: an image's free space
 * would otherwise match itself everywhere.
 */
#include "deltagen/blocks.h"

#include <string.h>

#include "lib/base/mem.h"

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

struct slot {
    uint64_t hash;
    uint64_t block_plus_one; /* 0: empty */
};

struct table {
    struct slot *slots;
    uint64_t mask;
    size_t block_bytes;
    uint64_t leaving; /* MULTIPLIER to the power of block_bytes */
};

static uint64_t hash_of(const uint8_t *data, size_t len)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < len; i++)
        hash = hash * MULTIPLIER + data[i] + 1;
    return hash;
}

static bool is_constant(const uint8_t *data, size_t len)
{
    return len < 2 || memcmp(data, data + 1, len - 1) == 0;
}

static uint64_t spread(uint64_t hash)
{
    return (hash ^ hash >> 29) * UINT64_C(0xBF58476D1CE4E5B9) >> 17;
}

static void table_build(struct table *table, const struct image *old, size_t block_bytes)
{
    size_t blocks = old->len / block_bytes;
    size_t room = 16;

    while (room < blocks * 2)
        room *= 2;
    *table = (struct table){.slots = mem_array(room, sizeof(struct slot)),
                            .mask = room - 1,
                            .block_bytes = block_bytes,
                            .leaving = 1};
    for (size_t i = 0; i < block_bytes; i++)
        table->leaving *= MULTIPLIER;
    for (size_t block = 0; block < blocks; block++) {
        const uint8_t *data = old->data + block * block_bytes;
        uint64_t hash;
        uint64_t at;

        if (is_constant(data, block_bytes))
            continue;
        hash = hash_of(data, block_bytes);
        at = spread(hash) & table->mask;
        /* Of equal blocks the first stays. */
        while (table->slots[at].block_plus_one && table->slots[at].hash != hash)
            at = (at + 1) & table->mask;
        if (!table->slots[at].block_plus_one)
            table->slots[at] = (struct slot){hash, block + 1};
    }
}

static const struct slot *table_find(const struct table *table, uint64_t hash)
{
    uint64_t at = spread(hash) & table->mask;

    while (table->slots[at].block_plus_one && table->slots[at].hash != hash)
        at = (at + 1) & table->mask;
    return table->slots[at].block_plus_one ? &table->slots[at] : NULL;
}

struct scan {
    const struct image *old, *new_image;
    struct matches *out;
    size_t floor;     /* where the last match ended */
    int64_t distance; /* its old position minus its new one */
};

static bool same_block(const struct scan *scan, size_t pos, int64_t distance, size_t len)
{
    int64_t old_pos = (int64_t)pos + distance;

    return old_pos >= 0 && (uint64_t)old_pos + len <= scan->old->len &&
           memcmp(scan->old->data + old_pos, scan->new_image->data + pos, len) == 0;
}

/* A block at `pos` is the same at `old_pos`: makes the match as long as it gets. */
static size_t take(struct scan *scan, size_t pos, size_t old_pos, size_t len)
{
    const struct image *old = scan->old;
    const struct image *new_image = scan->new_image;
    size_t end = pos + len;
    size_t old_end = old_pos + len;

    while (pos > scan->floor && old_pos > 0 && old->data[old_pos - 1] == new_image->data[pos - 1]) {
        pos--;
        old_pos--;
    }
    while (end < new_image->len && old_end < old->len &&
           old->data[old_end] == new_image->data[end]) {
        end++;
        old_end++;
    }
    matches_add(scan->out, (struct match){pos, old_pos, end - pos});
    scan->floor = end;
    scan->distance = (int64_t)old_pos - (int64_t)pos;
    return end;
}

/* At aligned places the last distance, or none, is the likeliest, and is right for constant
 * blocks too. */
static bool take_aligned(struct scan *scan, size_t *pos, size_t len)
{
    const int64_t distances[] = {scan->distance, 0};

    for (size_t i = 0; i < COUNT(distances); i++)
        if (same_block(scan, *pos, distances[i], len)) {
            *pos = take(scan, *pos, (size_t)((int64_t)*pos + distances[i]), len);
            return true;
        }
    return false;
}

void blocks_match(const struct image *old, const struct image *new_image, size_t block_bytes,
                  struct matches *out)
{
    struct scan scan = {.old = old, .new_image = new_image, .out = out};
    struct table table;
    bool fresh = true;
    uint64_t hash = 0;
    size_t pos = 0;

    if (old->len < block_bytes)
        return;
    table_build(&table, old, block_bytes);
    while (pos + block_bytes <= new_image->len) {
        const uint8_t *data = new_image->data + pos;
        const struct slot *slot;

        if ((fresh || pos % block_bytes == 0) && take_aligned(&scan, &pos, block_bytes)) {
            fresh = true;
            continue;
        }
        if (fresh)
            hash = hash_of(data, block_bytes);
        fresh = false;
        slot = table_find(&table, hash);
        if (slot &&
            memcmp(old->data + (slot->block_plus_one - 1) * block_bytes, data, block_bytes) == 0) {
            pos = take(&scan, pos, (size_t)(slot->block_plus_one - 1) * block_bytes, block_bytes);
            fresh = true;
            continue;
        }
        if (pos + block_bytes < new_image->len)
            hash =
                hash * MULTIPLIER + data[block_bytes] + 1 - table.leaving * (data[0] + UINT64_C(1));
        pos++;
    }
    mem_free(table.slots);
}
