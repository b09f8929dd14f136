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
    const struct find_hints *hints;
    const struct table *table;
    struct matches *out;
    size_t floor;     /* where the last match ended */
    size_t limit;     /* where the next known one begins */
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
    while (end < scan->limit && old_end < old->len && old->data[old_end] == new_image->data[end]) {
        end++;
        old_end++;
    }
    matches_add(scan->out, (struct match){pos, old_pos, end - pos});
    scan->floor = end;
    scan->distance = (int64_t)old_pos - (int64_t)pos;
    return end;
}

/* At aligned places the last distance, a hint's or none is the likeliest, and is right for
 * constant blocks too. */
static bool take_aligned(struct scan *scan, size_t *pos, size_t len)
{
    const int64_t distances[] = {scan->distance, find_hints_distance(scan->hints, *pos), 0};

    for (size_t i = 0; i < COUNT(distances); i++)
        if (same_block(scan, *pos, distances[i], len)) {
            *pos = take(scan, *pos, (size_t)((int64_t)*pos + distances[i]), len);
            return true;
        }
    return false;
}

static bool look_up(struct scan *scan, uint64_t hash, size_t *pos)
{
    const size_t len = scan->table->block_bytes;
    const struct slot *slot = table_find(scan->table, hash);
    size_t old_pos;

    if (!slot)
        return false;
    old_pos = (size_t)(slot->block_plus_one - 1) * len;
    if (memcmp(scan->old->data + old_pos, scan->new_image->data + *pos, len) != 0)
        return false;
    *pos = take(scan, *pos, old_pos, len);
    return true;
}

/* From the last match to `scan->limit`. */
static void scan_stretch(struct scan *scan)
{
    const size_t len = scan->table->block_bytes;
    bool fresh = true;
    uint64_t hash = 0;
    size_t pos = scan->floor;

    while (scan->limit - pos >= len) {
        const uint8_t *data = scan->new_image->data + pos;

        if ((fresh || pos % len == 0) && take_aligned(scan, &pos, len)) {
            fresh = true;
            continue;
        }
        if (fresh)
            hash = hash_of(data, len);
        fresh = look_up(scan, hash, &pos);
        if (fresh)
            continue;
        if (pos + len < scan->limit)
            hash =
                hash * MULTIPLIER + data[len] + 1 - scan->table->leaving * (data[0] + UINT64_C(1));
        pos++;
    }
}

void blocks_match(const struct image *old, const struct image *new_image, size_t block_bytes,
                  const struct find_hints *hints, const struct matches *known, struct matches *out)
{
    struct table table;
    struct scan scan = {
        .old = old, .new_image = new_image, .hints = hints, .table = &table, .out = out};

    table_build(&table, old, block_bytes);
    for (size_t i = 0; i < known->count; i++) {
        scan.limit = known->items[i].new_pos;
        scan_stretch(&scan);
        matches_add(out, known->items[i]);
        scan.floor = known->items[i].new_pos + known->items[i].len;
        scan.distance = match_distance(&known->items[i]);
    }
    scan.limit = new_image->len;
    scan_stretch(&scan);
    mem_free(table.slots);
}
