#pragma once
/*
 * A hash table of pointers (open addressing, at most three quarters full). The caller owns the
 * items, locks, and brings good hashes: keys here are digests or are mixed by table_mix().
 */
#include "lib/base/base.h"

struct table {
    void **slots;
    size_t room; /* a power of two, or 0 */
    size_t count;
};

typedef bool table_match_fn(const void *item, const void *key);
typedef uint64_t table_hash_fn(const void *item);

void table_done(struct table *table);
void *table_find(const struct table *table, uint64_t hash, table_match_fn *match, const void *key);
/* The key must not be there yet. */
void table_add(struct table *table, void *item, table_hash_fn *hash_of);
/* True when that very item was there. */
bool table_remove(struct table *table, const void *item, table_hash_fn *hash_of);

static inline uint64_t table_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
/* Of 32 bytes that are spread evenly, or not: all four words count. */
static inline uint64_t table_hash_32(const uint8_t bytes[32])
{
    uint64_t words[4];

    __builtin_memcpy(words, bytes, sizeof(words));
    return table_mix(words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7);
}
