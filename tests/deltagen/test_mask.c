#include "deltagen/mask.h"

#include <string.h>
#include <sys/mman.h>

#include <criterion/criterion.h>

#include "deltagen/mask_code.h"
#include "deltagen/seeds.h"
#include "lib/base/mem.h"

enum { LEN = 1 << 16 };

static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state += 0x9E3779B9;

    x = (x ^ x >> 16) * 0x85EBCA6B;
    x = (x ^ x >> 13) * 0xC2B2AE35;
    return (x ^ x >> 16) >> 4;
}

static void put_word(uint8_t *p, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(word >> 8 * i);
}

/* Every 8 bytes a call. */
static void make_x86(uint8_t *data, size_t len)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(next_random(&seed) | 1);
    for (size_t i = 0; i + 8 <= len; i += 8) {
        data[i] = 0xE8;
        data[i + 4] = 0;
    }
}

/* Every 4 words a BL, and loads. */
static void make_arm64(uint8_t *data, size_t len)
{
    uint32_t seed = 2;

    for (size_t i = 0; i + 4 <= len; i += 4)
        put_word(data + i, i % 16 ? 0xF9400000 | (next_random(&seed) & 0x3FFFFF)
                                  : 0x94000000 | (next_random(&seed) & 0xFFFFFF));
}

Test(code_kind, tells_code_from_data)
{
    AUTO_FREE uint8_t *data = mem_alloc(LEN);
    uint32_t seed = 3;

    cr_expect_eq(code_kind(data, LEN), CODE_NONE);
    for (size_t i = 0; i < LEN; i++)
        data[i] = (uint8_t)next_random(&seed);
    cr_expect_eq(code_kind(data, LEN), CODE_NONE);
    make_x86(data, LEN);
    cr_expect_eq(code_kind(data, LEN), CODE_X86);
    make_arm64(data, LEN);
    cr_expect_eq(code_kind(data, LEN), CODE_ARM64);
    /* Among data, as images have it; but not for a few words that look like it. */
    memset(data + LEN / 4, 0, LEN - LEN / 4);
    cr_expect_eq(code_kind(data, LEN), CODE_ARM64);
    memset(data + LEN / 16, 0, LEN - LEN / 16);
    cr_expect_eq(code_kind(data, LEN), CODE_NONE);
    for (size_t len = 0; len < 16; len++)
        (void)code_kind(data, len);
}

Test(mask_read, hides_addresses_and_nothing_else)
{
    AUTO_FREE uint8_t *data = mem_alloc(LEN);
    AUTO_FREE uint8_t *masked = mem_alloc(LEN);
    const struct image image = {data, LEN};
    struct mask mask;

    make_arm64(data, LEN);
    mask_init(&mask, &image);
    mask_read(&mask, 0, LEN, masked);
    for (size_t i = 0; i < LEN; i += 4) {
        if (i % 16 == 0) {
            cr_assert_eq(masked[i] | masked[i + 1] | masked[i + 2], 0);
            cr_assert_eq(masked[i + 3], 0x94);
        } else {
            cr_assert_eq(memcmp(masked + i, data + i, 4), 0);
        }
    }
    mask_done(&mask);
}

Test(mask_read, says_the_same_of_any_part)
{
    AUTO_FREE uint8_t *data = mem_alloc(LEN);
    AUTO_FREE uint8_t *masked = mem_alloc(LEN);
    const struct image image = {data, LEN};
    uint32_t seed = 5;
    size_t hidden = 0;
    struct mask mask;

    make_x86(data, LEN / 2);
    make_arm64(data + LEN / 2, LEN / 2);
    mask_init(&mask, &image);
    mask_read(&mask, 0, LEN, masked);
    for (size_t i = 0; i < LEN; i++) {
        cr_assert_eq(mask_byte(&mask, i), masked[i]);
        hidden += masked[i] != data[i];
    }
    cr_expect_gt(hidden, LEN / 8);
    for (unsigned i = 0; i < 500; i++) {
        size_t at = next_random(&seed) % LEN;
        size_t len = next_random(&seed) % 100;
        uint8_t part[100];

        len = len < LEN - at ? len : LEN - at;
        mask_read(&mask, at, len, part);
        cr_assert_eq(memcmp(part, masked + at, len), 0);
    }
    mask_done(&mask);
}

/* A place is found again wherever the bytes lie, and the nearest comes first. */
Test(seeds_find, gives_the_nearest_places_first)
{
    const struct seed_shape shape = {.shift = 8, .sample_log2 = 0};
    AUTO_FREE uint8_t *data = mem_alloc(LEN);
    const struct image image = {data, LEN};
    const struct piece whole = {0, LEN};
    struct seed_walk walk;
    struct seeds *seeds;
    struct mask mask;
    uint64_t places[3];
    uint64_t hash;
    uint64_t at;
    uint32_t seed = 7;

    for (size_t i = 0; i < LEN; i++)
        data[i] = (uint8_t)next_random(&seed);
    for (size_t copy = 1; copy < 4; copy++)
        memcpy(data + copy * 10000, data, 8);
    mask_init(&mask, &image);
    seeds = seeds_new(&mask, shape, &whole, 1);
    seed_walk_init(&walk, &mask, shape);
    seed_walk_range(&walk, 0, 8);
    cr_assert(seed_walk_next(&walk, &at, &hash));
    cr_expect_eq(at, 0);

    cr_assert_eq(seeds_find(seeds, hash, 19000, places, COUNT(places)), 3);
    cr_expect_eq(places[0], 20000);
    cr_expect_eq(places[1], 10000);
    cr_expect_eq(places[2], 30000);
    cr_expect_not(seed_walk_next(&walk, &at, &hash));
    seed_walk_done(&walk);
    seeds_free(seeds);
    mask_done(&mask);
}

Test(seeds_new, takes_places_from_its_pieces_only)
{
    const struct seed_shape shape = {.shift = 2, .sample_log2 = 2};
    AUTO_FREE uint8_t *data = mem_alloc(LEN);
    const struct image image = {data, LEN};
    const struct piece pieces[] = {{1000, 5000}, {30000, 20}, {40000, 5000}};
    struct seed_walk walk;
    struct seeds *seeds;
    struct mask mask;
    uint64_t hash;
    uint64_t at;
    uint32_t seed = 9;
    size_t inside = 0;

    for (size_t i = 0; i < LEN; i++)
        data[i] = (uint8_t)next_random(&seed);
    mask_init(&mask, &image);
    seeds = seeds_new(&mask, shape, pieces, COUNT(pieces));
    seed_walk_init(&walk, &mask, shape);
    seed_walk_range(&walk, 0, LEN);
    while (seed_walk_next(&walk, &at, &hash)) {
        bool expected = (at >= 1000 && at + 32 <= 6000) || (at >= 40000 && at + 32 <= 45000);
        uint64_t place = 0;
        bool found = seeds_find(seeds, hash, at, &place, 1) && place == at;

        cr_assert_eq(found, expected, "%zu", (size_t)at);
        inside += found;
    }
    cr_expect_gt(inside, 10000 / 8);
    seed_walk_done(&walk);
    seeds_free(seeds);
    mask_done(&mask);
}

/* Nothing of it is read but its end. */
Test(seeds_find, knows_places_behind_4_gib)
{
    const struct seed_shape shape = {.shift = 2, .sample_log2 = 0};
    const size_t len = ((size_t)4 << 30) + LEN;
    uint8_t *data =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const struct image image = {data, len};
    const struct piece pieces[] = {{0, 4096}, {len - 8192, 8192}};
    struct mask mask = {.image = &image,
                        .kinds = mem_alloc(len >> 14),
                        .hidden = mem_array(len / 64 + 1, sizeof(uint64_t))};
    struct seed_walk walk;
    struct seeds *seeds;
    uint64_t near_start[16];
    uint64_t place = 0;
    uint64_t hash;
    uint64_t at;
    uint32_t seed = 11;

    cr_assert_neq(data, MAP_FAILED);
    for (size_t i = 0; i < 4096; i++)
        data[i] = data[len - 4096 + i] = (uint8_t)next_random(&seed);
    seeds = seeds_new(&mask, shape, pieces, COUNT(pieces));
    seed_walk_init(&walk, &mask, shape);
    seed_walk_range(&walk, len - 1000, len);
    while (seed_walk_next(&walk, &at, &hash)) {
        size_t count;

        cr_assert_eq(seeds_find(seeds, hash, at, &place, 1), 1);
        cr_assert_eq(place, at);
        /* A bucket may hold other hashes' places, too. */
        count = seeds_find(seeds, hash, 0, near_start, COUNT(near_start));
        while (count > 0 && near_start[count - 1] != at - (len - 4096))
            count--;
        cr_assert_gt(count, 0);
    }
    seed_walk_done(&walk);
    seeds_free(seeds);
    mask_done(&mask);
    (void)munmap(data, len);
}
