#include "deltagen/index.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

static size_t longest_by_hand(const struct image *old, const struct piece *pieces, size_t count,
                              const uint8_t *needle, size_t len)
{
    size_t best = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t at = pieces[i].start; at < pieces[i].start + pieces[i].len; at++) {
            size_t same = 0;

            while (same < len && at + same < pieces[i].start + pieces[i].len &&
                   old->data[at + same] == needle[same])
                same++;
            best = same > best ? same : best;
        }
    return best;
}

/* Few different bytes, so that there are many long and overlapping matches. */
Test(index_find, finds_the_longest_match_as_by_hand)
{
    static const struct piece whole[] = {{0, 3000}};
    uint8_t data[3000];
    uint32_t state = 7;
    struct image old = {data, sizeof(data)};
    struct index *index;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(next_random(&state) % 3);
    index = index_new(&old, whole, 1);
    for (size_t i = 0; i < 2000; i++) {
        uint8_t needle[40];
        size_t at = next_random(&state) % (sizeof(data) - sizeof(needle));
        size_t expected;
        size_t found_at = 0;
        size_t len;

        memcpy(needle, data + at, sizeof(needle));
        needle[next_random(&state) % sizeof(needle)] ^= 1;
        expected = longest_by_hand(&old, whole, 1, needle, sizeof(needle));
        len = index_find(index, needle, sizeof(needle), &found_at);

        cr_assert_eq(len, expected < INDEX_LEN_MIN ? 0 : expected, "needle %zu", i);
        cr_assert_eq(memcmp(data + found_at, needle, len), 0, "needle %zu", i);
    }
    index_free(index);
}

Test(index_find, never_runs_from_one_piece_into_another)
{
    static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const struct piece pieces[] = {{0, 10}, {20, 16}};
    struct image old = {(const uint8_t *)text, sizeof(text) - 1};
    struct index *index = index_new(&old, pieces, 2);
    size_t at = 0;

    cr_expect_eq(index_find(index, (const uint8_t *)"0123456789klmnop", 16, &at), 10);
    cr_expect_eq(at, 0);
    cr_expect_eq(index_find(index, (const uint8_t *)"klmnopqrstuv", 12, &at), 12);
    cr_expect_eq(at, 20);
    cr_expect_eq(index_find(index, (const uint8_t *)"abcdefghij", 10, &at), 0);
    index_free(index);
}

Test(index_find, finds_nothing_in_an_index_that_is_too_short)
{
    for (size_t len = 0; len < INDEX_LEN_MIN; len++) {
        struct piece piece = {0, len};
        struct image old = {(const uint8_t *)"aaaaaaaaaaaa", len};
        struct index *index = index_new(&old, &piece, len > 0);
        size_t at = 0;

        cr_expect_eq(index_find(index, (const uint8_t *)"aaaaaaaaaaaa", 12, &at), 0);
        index_free(index);
    }
}
