/*
 * The index is a counting sort: the pieces are hashed twice, first to count the buckets, then to
 * fill them, in order of place, so that no hashes are kept. A bucket mixes a few hashes; whoever
 * asks compares the bytes anyway.
 */
#include "deltagen/seeds.h"

#include <string.h>

#include "lib/base/mem.h"

enum { BUFFER = 1 << 15 };

struct seeds {
    unsigned bucket_log2;
    uint32_t *starts; /* of each bucket, and the end */
    uint32_t *low;    /* of the places */
    uint8_t *high;    /* NULL: all are 0 */
};

static uint64_t spread(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ hash >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return hash ^ hash >> 32;
}

size_t seed_bytes(struct seed_shape shape)
{
    return (64 + shape.shift - 1) / shape.shift;
}

void seed_walk_init(struct seed_walk *walk, const struct mask *mask, struct seed_shape shape)
{
    *walk = (struct seed_walk){.mask = mask, .shape = shape, .bytes = mem_alloc(BUFFER)};
    for (unsigned i = 0; i < COUNT(walk->gears); i++)
        walk->gears[i] = spread((i + 1) * UINT64_C(0xD6E8FEB86659FD93));
}

void seed_walk_done(struct seed_walk *walk)
{
    mem_free(walk->bytes);
    *walk = (struct seed_walk){0};
}

void seed_walk_range(struct seed_walk *walk, uint64_t start, uint64_t end)
{
    ASSERT(start <= end && end <= walk->mask->image->len);
    walk->at = start;
    walk->end = end;
    walk->warm = 0;
    walk->bytes_at = walk->bytes_end = start;
}

static void refill(struct seed_walk *walk)
{
    uint64_t left = walk->end - walk->at;
    size_t len = left < BUFFER ? (size_t)left : BUFFER;

    mask_read(walk->mask, walk->at, len, walk->bytes);
    walk->bytes_at = walk->at;
    walk->bytes_end = walk->at + len;
}

/* In a run of one byte only the first window is a seed. */
bool seed_walk_next(struct seed_walk *walk, uint64_t *at, uint64_t *hash)
{
    const size_t window = seed_bytes(walk->shape);
    const uint64_t sampled = ((uint64_t)1 << walk->shape.sample_log2) - 1;

    while (walk->at < walk->end) {
        uint64_t before = walk->hash;

        if (walk->at == walk->bytes_end)
            refill(walk);
        walk->hash =
            (before << walk->shape.shift) + walk->gears[walk->bytes[walk->at++ - walk->bytes_at]];
        if (walk->warm < window)
            walk->warm++;
        if (walk->warm == window && walk->hash != before) {
            *hash = spread(walk->hash);
            if ((*hash & sampled) == 0) {
                *at = walk->at - window;
                return true;
            }
        }
    }
    return false;
}

static size_t bucket_of(const struct seeds *seeds, uint64_t hash)
{
    return (size_t)(hash >> (64 - seeds->bucket_log2));
}

static uint64_t place(const struct seeds *seeds, size_t i)
{
    return seeds->low[i] | (seeds->high ? (uint64_t)seeds->high[i] << 32 : 0);
}

static void count_seeds(struct seeds *seeds, struct seed_walk *walk, const struct piece *pieces,
                        size_t count)
{
    uint64_t at;
    uint64_t hash;
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        seed_walk_range(walk, pieces[i].start, pieces[i].start + pieces[i].len);
        while (seed_walk_next(walk, &at, &hash))
            seeds->starts[bucket_of(seeds, hash)]++;
    }
    for (size_t i = 0; i <= (size_t)1 << seeds->bucket_log2; i++) {
        uint32_t here = seeds->starts[i];

        seeds->starts[i] = (uint32_t)sum;
        sum += here;
        ASSERT(sum <= UINT32_MAX);
    }
    seeds->low = mem_array((size_t)sum + 1, sizeof(uint32_t));
    if (walk->mask->image->len > UINT32_MAX)
        seeds->high = mem_alloc((size_t)sum + 1);
}

static void place_seeds(struct seeds *seeds, struct seed_walk *walk, const struct piece *pieces,
                        size_t count)
{
    const size_t buckets = (size_t)1 << seeds->bucket_log2;
    uint64_t at;
    uint64_t hash;

    for (size_t i = 0; i < count; i++) {
        seed_walk_range(walk, pieces[i].start, pieces[i].start + pieces[i].len);
        while (seed_walk_next(walk, &at, &hash)) {
            uint32_t slot = seeds->starts[bucket_of(seeds, hash)]++;

            seeds->low[slot] = (uint32_t)at;
            if (seeds->high)
                seeds->high[slot] = (uint8_t)(at >> 32);
        }
    }
    /* Every start has become its bucket's end. */
    memmove(seeds->starts + 1, seeds->starts, buckets * sizeof(uint32_t));
    seeds->starts[0] = 0;
}

struct seeds *seeds_new(const struct mask *mask, struct seed_shape shape,
                        const struct piece *pieces, size_t count)
{
    struct seeds *seeds = mem_alloc(sizeof(*seeds));
    struct seed_walk walk;
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += pieces[i].len;
    seeds->bucket_log2 = 8;
    while (seeds->bucket_log2 < 31 &&
           (uint64_t)1 << seeds->bucket_log2 < total >> shape.sample_log2)
        seeds->bucket_log2++;
    seeds->starts = mem_array(((size_t)1 << seeds->bucket_log2) + 1, sizeof(uint32_t));
    seed_walk_init(&walk, mask, shape);
    count_seeds(seeds, &walk, pieces, count);
    place_seeds(seeds, &walk, pieces, count);
    seed_walk_done(&walk);
    return seeds;
}

void seeds_free(struct seeds *seeds)
{
    if (!seeds)
        return;
    mem_free(seeds->starts);
    mem_free(seeds->low);
    mem_free(seeds->high);
    mem_free(seeds);
}

size_t seeds_find(const struct seeds *seeds, uint64_t hash, uint64_t expected, uint64_t *out,
                  size_t max)
{
    size_t first = seeds->starts[bucket_of(seeds, hash)];
    size_t end = seeds->starts[bucket_of(seeds, hash) + 1];
    size_t low = first;
    size_t high = end;
    size_t count = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (place(seeds, middle) < expected)
            low = middle + 1;
        else
            high = middle;
    }
    /* `high` counts up from the first that is not below, `low` down from it. */
    while (count < max && (low > first || high < end)) {
        if (high < end &&
            (low == first || place(seeds, high) - expected <= expected - place(seeds, low - 1)))
            out[count++] = place(seeds, high++);
        else
            out[count++] = place(seeds, --low);
    }
    return count;
}
