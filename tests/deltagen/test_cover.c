#include "deltagen/cover.h"

#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/blocks.h"
#include "deltagen/find.h"
#include "deltagen/plan.h"
#include "lib/base/mem.h"

enum { LEN = 60000 };
#define BLOCK ((size_t)256)

static uint8_t old_data[LEN];
static uint8_t new_data[LEN + 500];
static const struct image old = {old_data, sizeof(old_data)};
static const struct image new_image = {new_data, sizeof(new_data)};

/* The new image: moved pieces, an insertion, single changed bytes, a run of zeros. */
static void make_images(void)
{
    uint32_t state = 3;

    for (size_t i = 0; i < LEN; i++) {
        state = state * 1664525 + 1013904223;
        old_data[i] = (uint8_t)(state >> 24);
    }
    memcpy(new_data, old_data + 20000, 20000);
    memcpy(new_data + 20000, old_data, 20000);
    memcpy(new_data + 40500, old_data + 40000, 20000);
    for (size_t i = 100; i < sizeof(new_data); i += 777)
        new_data[i]++;
    memset(new_data + 50000, 0, 2000);
}

Test(blocks_match, finds_regions_in_order_that_are_equal_and_cannot_grow)
{
    const struct find_hints no_hints = {0};
    const struct matches none = {0};
    struct matches regions = {0};
    size_t floor = 0;

    make_images();
    blocks_match(&old, &new_image, BLOCK, &no_hints, &none, &regions);

    cr_expect_gt(regions.count, 50);
    for (size_t i = 0; i < regions.count; i++) {
        const struct match *m = &regions.items[i];
        size_t end = m->new_pos + m->len;

        cr_assert_geq(m->new_pos, floor);
        cr_assert_geq(m->len, BLOCK);
        cr_assert_eq(memcmp(old_data + m->old_pos, new_data + m->new_pos, m->len), 0);
        cr_assert(end == sizeof(new_data) || m->old_pos + m->len == LEN ||
                  new_data[end] != old_data[m->old_pos + m->len]);
        floor = end;
    }
    matches_done(&regions);
}

Test(pieces_rest, leaves_out_what_is_used_but_for_a_margin)
{
    struct match found[] = {{.new_pos = 0, .old_pos = 5000, .len = 1000},
                            {.new_pos = 3000, .old_pos = 1000, .len = 500},
                            {.new_pos = 9000, .old_pos = 1500, .len = 500},
                            {.new_pos = 9900, .old_pos = 5990, .len = 20}};
    struct matches matches = {.items = found, .count = COUNT(found), .room = COUNT(found)};
    struct pieces pieces = {0};

    pieces_rest(LEN, &matches, 100, 8, &pieces);
    cr_assert_eq(pieces.count, 3);
    cr_expect_eq(pieces.items[0].start, 0);
    cr_expect_eq(pieces.items[0].len, 1100);
    cr_expect_eq(pieces.items[1].start, 1900);
    cr_expect_eq(pieces.items[1].len, 3200);
    cr_expect_eq(pieces.items[2].start, 5910);
    cr_expect_eq(pieces.items[2].len, LEN - 5910);
    pieces_done(&pieces);
    matches.count = 0;
    pieces_rest(0, &matches, 100, 8, &pieces);
    cr_expect_eq(pieces.count, 0);
    pieces_rest(7, &matches, 100, 8, &pieces);
    cr_expect_eq(pieces.count, 0, "too short to have a seed");
    pieces_done(&pieces);
}

Test(cover_extend, grows_joins_and_gives_up)
{
    /* One in the first piece, two in the last on both sides of the zeros, one by chance. */
    struct match found[] = {{.new_pos = 5000, .old_pos = 25000, .len = 40},
                            {.new_pos = 25000, .old_pos = 40, .len = 8},
                            {.new_pos = 45000, .old_pos = 44500, .len = 40},
                            {.new_pos = 46000, .old_pos = 45500, .len = 40}};
    const struct matches matches = {.items = found, .count = COUNT(found)};
    struct matches covers = {0};
    struct pair pair;

    make_images();
    pair_init(&pair, &old, &new_image);
    cover_extend(&pair, &matches, 240, &covers);

    cr_assert_eq(covers.count, 2);
    cr_expect_eq(covers.items[0].new_pos, 0);
    cr_expect_eq(covers.items[0].old_pos, 20000);
    cr_expect_eq(covers.items[0].len, 20000);
    cr_expect_eq(covers.items[1].new_pos, 40500);
    cr_expect_leq(covers.items[1].len, 9600);
    cr_expect_geq(covers.items[1].len, 9400);
    pair_done(&pair);
    matches_done(&covers);
}

Test(plan_make, covers_the_new_image_once_and_splits_out_equal_and_constant_runs)
{
    const struct find_options options = {0};
    struct matches covers = {0};
    struct plan plan = {0};
    size_t done = 0;
    size_t counts[DELTA_KIND_COUNT] = {0};

    make_images();
    find_covers(&old, &new_image, &options, &covers);
    plan_make(&old, &new_image, &covers, 64, &plan);

    for (size_t i = 0; i < plan.count; i++) {
        const struct operation *op = &plan.items[i];

        cr_assert_eq(op->new_pos, done);
        cr_assert_gt(op->len, 0);
        if (op->kind == DELTA_COPY)
            cr_assert_eq(memcmp(old_data + op->old_pos, new_data + op->new_pos, op->len), 0);
        counts[op->kind]++;
        done += op->len;
    }
    cr_expect_eq(done, sizeof(new_data));
    cr_expect_gt(counts[DELTA_COPY], 60);
    cr_expect_gt(counts[DELTA_ADD], 60);
    cr_expect_gt(counts[DELTA_FILL], 0);
    cr_expect_eq(counts[DELTA_SEEK], 0);
    plan_done(&plan);
    matches_done(&covers);
}
