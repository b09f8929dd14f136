#include "deltagen/find.h"

#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/unpack.h"
#include "lib/base/mem.h"

enum { LEN = 60000 };

static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state += 0x9E3779B9;

    x = (x ^ x >> 16) * 0x85EBCA6B;
    x = (x ^ x >> 13) * 0xC2B2AE35;
    return (x ^ x >> 16) >> 4;
}

static void fill_random(uint8_t *data, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)next_random(&seed);
}

struct figures {
    size_t covers, covered, different;
};

/* Searches, and proves what every caller relies on: in order, no overlap, inside both images. */
static struct figures find(const uint8_t *old_data, size_t old_len, const uint8_t *new_data,
                           size_t new_len, const struct find_options *options)
{
    const struct image old = {old_data, old_len};
    const struct image new_image = {new_data, new_len};
    const struct find_options usual = {0};
    struct matches covers = {0};
    struct figures figures = {0};
    size_t floor = 0;

    find_covers(&old, &new_image, options ? options : &usual, &covers);
    for (size_t i = 0; i < covers.count; i++) {
        const struct match *cover = &covers.items[i];

        cr_assert_gt(cover->len, 0);
        cr_assert_geq(cover->new_pos, floor);
        cr_assert_leq(cover->new_pos, new_len);
        cr_assert_leq(cover->len, new_len - cover->new_pos);
        cr_assert_leq(cover->old_pos, old_len);
        cr_assert_leq(cover->len, old_len - cover->old_pos);
        floor = cover->new_pos + cover->len;
        for (size_t k = 0; k < cover->len; k++)
            figures.different += old_data[cover->old_pos + k] != new_data[cover->new_pos + k];
        figures.covered += cover->len;
    }
    figures.covers = covers.count;
    matches_done(&covers);
    return figures;
}

Test(find_covers, follows_moved_pieces_through_changed_bytes)
{
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN + 500);
    struct figures figures;

    fill_random(old_data, LEN, 3);
    memcpy(new_data, old_data + 20000, 20000);
    memcpy(new_data + 20000, old_data, 20000);
    memcpy(new_data + 40500, old_data + 40000, 20000);
    for (size_t i = 100; i < LEN + 500; i += 77)
        new_data[i]++;
    memset(new_data + 50000, 0, 2000);
    figures = find(old_data, LEN, new_data, LEN + 500, NULL);

    /* All but the insertion and the zeros. */
    cr_expect_geq(figures.covered, LEN - 2000 - 100, "%zu", figures.covered);
    cr_expect_leq(figures.covers, 6);
}

Test(find_covers, has_one_cover_for_an_image_and_itself)
{
    AUTO_FREE uint8_t *data = mem_alloc(LEN);
    struct figures figures;

    fill_random(data, LEN, 5);
    figures = find(data, LEN, data, LEN, NULL);

    cr_expect_eq(figures.covers, 1);
    cr_expect_eq(figures.covered, LEN);
}

Test(find_covers, finds_little_where_there_is_little_to_find)
{
    AUTO_FREE uint8_t *one = mem_alloc(LEN);
    AUTO_FREE uint8_t *other = mem_alloc(LEN);
    struct figures figures;

    fill_random(one, LEN, 7);
    fill_random(other, LEN, 8);
    figures = find(one, LEN, other, LEN, NULL);

    cr_expect_leq(figures.covered, LEN / 100);
    cr_expect_eq(find(one, LEN, other, 0, NULL).covers, 0);
    cr_expect_eq(find(one, 0, other, LEN, NULL).covers, 0);
    cr_expect_eq(find(one, 0, other, 0, NULL).covers, 0);
}

Test(find_covers, stays_inside_images_of_a_few_bytes)
{
    uint8_t old_data[40];
    uint8_t new_data[40];

    memset(old_data, 'a', sizeof(old_data));
    memset(new_data, 'a', sizeof(new_data));
    for (size_t old_len = 0; old_len <= sizeof(old_data); old_len++)
        for (size_t new_len = 0; new_len <= sizeof(new_data); new_len++)
            (void)find(old_data, old_len, new_data, new_len, NULL);
}

Test(find_covers, is_quick_on_runs_and_periods, .timeout = 20)
{
    enum { LONG = 4 << 20 };
    AUTO_FREE uint8_t *one = mem_alloc(LONG);
    AUTO_FREE uint8_t *other = mem_alloc(LONG);

    (void)find(one, LONG, other, LONG - 5, NULL); /* zeros to zeros */
    for (size_t i = 0; i < LONG; i++)
        one[i] = (uint8_t)(i % 7 * 31);
    for (size_t i = 0; i < LONG; i++)
        other[i] = (uint8_t)((i + 3) % 7 * 31);
    cr_expect_geq(find(one, LONG, other, LONG, NULL).covered, LONG - 100);
    for (size_t i = 0; i < LONG; i += 1000)
        other[i]++;
    cr_expect_geq(find(one, LONG, other, LONG, NULL).covered, LONG - 10000);
    fill_random(other, LONG, 9);
    (void)find(one, LONG, other, LONG, NULL);
    (void)find(other, LONG, one, LONG, NULL);
}

/* Pieces of a few hundred bytes from anywhere, edits, runs and code-like bytes. */
static size_t compose(const uint8_t *old_data, uint8_t *new_data, size_t room, uint32_t seed)
{
    size_t len = 0;

    while (len + 1000 < room) {
        size_t piece = next_random(&seed) % 900;
        size_t from = next_random(&seed) % (LEN - 1000);

        switch (next_random(&seed) % 4) {
        case 0:
            fill_random(new_data + len, piece, next_random(&seed));
            break;
        case 1:
            memset(new_data + len, (int)next_random(&seed), piece);
            break;
        default:
            memcpy(new_data + len, old_data + from, piece);
            for (size_t i = next_random(&seed) % 64; i + 4 < piece; i += 20 + seed % 64)
                new_data[len + i] = (uint8_t)next_random(&seed);
            break;
        }
        len += piece;
    }
    return len;
}

static void make_code(uint8_t *data, size_t len, uint32_t seed)
{
    for (size_t i = 0; i + 8 < len; i += 8) {
        uint32_t target = next_random(&seed) % 4096;

        data[i] = 0xE8;
        data[i + 1] = (uint8_t)target;
        data[i + 2] = (uint8_t)(target >> 8);
        data[i + 3] = data[i + 4] = 0;
        data[i + 5] = (uint8_t)next_random(&seed);
    }
}

Test(find_covers, keeps_its_promises_on_composed_images)
{
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN);

    for (uint32_t seed = 1; seed <= 40; seed++) {
        size_t len;

        fill_random(old_data, LEN, seed);
        make_code(old_data + (size_t)1000 * (seed % 7), 20000, seed);
        memset(old_data + 30000, (int)seed, 5000);
        len = compose(old_data, new_data, LEN, seed);
        (void)find(old_data, LEN, new_data, len, NULL);
    }
}

Test(find_covers, misses_only_short_matches_with_little_memory)
{
    const struct find_options little = {.memory_bytes = 4096};
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN);

    fill_random(old_data, LEN, 11);
    memcpy(new_data, old_data + LEN / 2, LEN / 2);
    memcpy(new_data + LEN / 2, old_data, LEN / 2);
    for (size_t i = 0; i < LEN; i += 3000)
        new_data[i]++;

    cr_expect_geq(find(old_data, LEN, new_data, LEN, &little).covered, LEN * 9 / 10);
}

/* A call's target is not searched for: a function whose calls all changed is one cover. */
Test(find_covers, sees_a_function_whose_calls_changed)
{
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN);
    struct figures figures;

    make_code(old_data, LEN, 1);
    memcpy(new_data, old_data + 10000, 30000);
    memcpy(new_data + 30000, old_data, 10000);
    memcpy(new_data + 40000, old_data + 40000, 20000);
    for (size_t i = 0; i + 8 < LEN; i += 8)
        new_data[i + 1] ^= 0x55;
    figures = find(old_data, LEN, new_data, LEN, NULL);

    cr_expect_leq(figures.covers, 8);
    cr_expect_geq(figures.covered, LEN - 200);
    cr_expect_geq(figures.different, LEN / 10);
}

/* Rows of 24 bytes; a few rows are new in front, and all addresses moved. */
Test(find_covers, puts_the_rows_of_a_table_right)
{
    enum { ROW = 24, ROWS = 800, SKIP = 3 };
    AUTO_FREE uint8_t *old_data = mem_alloc((size_t)2 * LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc((size_t)2 * LEN);
    uint32_t targets[ROWS + SKIP];
    uint32_t seed = 13;
    struct matches covers = {0};
    const struct image old = {old_data, (size_t)2 * LEN};
    const struct image new_image = {new_data, (size_t)2 * LEN};
    const struct find_options options = {0};
    size_t right = 0;

    fill_random(old_data + LEN, LEN, 17);
    memcpy(new_data + LEN + 512, old_data + LEN, LEN - 512); /* moved by 512 */
    for (size_t i = 0; i < ROWS + SKIP; i++)
        targets[i] = LEN + next_random(&seed) % LEN;
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t moved = targets[i] + 512;

        old_data[i * ROW + 8] = 8;
        memcpy(old_data + i * ROW + 16, &targets[i], 4);
        new_data[(i + SKIP) * ROW + 8] = 8;
        memcpy(new_data + (i + SKIP) * ROW + 16, &moved, 4);
    }
    find_covers(&old, &new_image, &options, &covers);

    for (size_t i = 0; i < covers.count; i++)
        if (covers.items[i].new_pos < (size_t)ROWS * ROW &&
            match_distance(&covers.items[i]) == -(long)SKIP * ROW)
            right += covers.items[i].len;
    cr_expect_geq(right, (size_t)ROWS * ROW * 8 / 10, "%zu", right);
    matches_done(&covers);
}

/* Two copies of a file, one in front: the hint says which one a new file was. */
Test(find_covers, takes_the_place_that_a_hint_names)
{
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN);
    const struct counterpart pairs[] = {
        {.old_at = 40000, .old_len = 9000, .new_len = 9000},
        {.old_at = 20000, .old_len = 8999, .new_at = 9000, .new_len = 9000}};
    const struct find_options options = {.hints = {pairs, COUNT(pairs)}};
    const struct image old = {old_data, LEN};
    const struct image new_image = {new_data, 18000};
    struct matches covers = {0};

    fill_random(old_data, LEN, 19);
    memcpy(old_data + 20000, old_data + 1000, 9000);
    memcpy(old_data + 40000, old_data + 1000, 9000);
    memcpy(new_data, old_data + 1000, 9000);
    memcpy(new_data + 9000, old_data + 1000, 9000);
    new_data[15000] ^= 1;
    find_covers(&old, &new_image, &options, &covers);

    cr_assert_eq(covers.count, 2);
    cr_expect_eq(covers.items[0].old_pos, 40000);
    cr_expect_eq(covers.items[0].len, 9000);
    cr_expect_eq(covers.items[1].old_pos, 20000);
    cr_expect_eq(covers.items[1].len, 9000);
    matches_done(&covers);
}

Test(find_covers, is_not_led_out_of_the_images_by_hints)
{
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN);
    const struct counterpart pairs[] = {
        {.old_at = LEN - 10, .old_len = 20, .new_at = 0, .new_len = 20},
        {.old_at = UINT64_MAX - 5, .old_len = 20, .new_at = 10, .new_len = 20},
        {.old_at = 5, .old_len = UINT64_MAX, .new_at = 5000, .new_len = UINT64_MAX},
        {.old_at = 0, .old_len = 100, .new_at = 5050, .new_len = 100},
        {.old_at = 0, .old_len = 100, .new_at = LEN - 50, .new_len = 100},
        {.old_at = 0, .old_len = 1, .new_at = LEN + 50, .new_len = 1}};
    const struct find_options options = {.hints = {pairs, COUNT(pairs)}};

    fill_random(old_data, LEN, 23);
    memcpy(new_data, old_data + 100, LEN - 100);
    cr_expect_geq(find(old_data, LEN, new_data, LEN, &options).covered, LEN - 200);
    (void)find(old_data, 30, new_data, LEN, &options);
    (void)find(old_data, LEN, new_data, 0, &options);
}
