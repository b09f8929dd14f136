#include "deltagen/cover.h"

#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/blocks.h"
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

static void find(struct matches *matches, size_t block_bytes)
{
    const struct match_options options = {.block_bytes = block_bytes};

    make_images();
    match_images(&old, &new_image, &options, matches);
}

Test(blocks_match, finds_regions_in_order_that_are_equal_and_cannot_grow)
{
    struct matches regions = {0};
    size_t floor = 0;

    make_images();
    blocks_match(&old, &new_image, BLOCK, &regions);

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

Test(blocks_rest, leaves_out_what_was_found_and_blocks_of_one_byte)
{
    struct match found = {.new_pos = 0, .old_pos = BLOCK / 2, .len = 3 * BLOCK};
    struct matches matches = {.items = &found, .count = 1, .room = 1};
    struct pieces pieces = {0};

    make_images();
    memset(old_data + 10 * BLOCK, 7, BLOCK);
    blocks_rest(&old, BLOCK, &matches, &pieces);

    /* The match covers blocks 1 and 2 whole, 0 and 3 in part. */
    cr_assert_eq(pieces.count, 3);
    cr_expect_eq(pieces.items[0].start, 0);
    cr_expect_eq(pieces.items[0].len, BLOCK);
    cr_expect_eq(pieces.items[1].start, 3 * BLOCK);
    cr_expect_eq(pieces.items[1].len, 7 * BLOCK);
    cr_expect_eq(pieces.items[2].start, 11 * BLOCK);
    pieces_done(&pieces);
}

Test(cover_extend, gives_covers_in_order_that_do_not_overlap_and_lie_in_both_images)
{
    static const size_t blocks[] = {0, BLOCK, 4096};

    for (size_t b = 0; b < COUNT(blocks); b++) {
        struct matches matches = {0};
        struct matches covers = {0};
        size_t floor = 0;
        size_t covered = 0;

        find(&matches, blocks[b]);
        cover_extend(&old, &new_image, &matches, &covers);

        for (size_t i = 0; i < covers.count; i++) {
            const struct match *cover = &covers.items[i];

            cr_assert_geq(cover->new_pos, floor);
            cr_assert_leq(cover->old_pos + cover->len, LEN);
            floor = cover->new_pos + cover->len;
            covered += cover->len;
        }
        cr_expect_leq(floor, sizeof(new_data));
        /* All but the insertion and the zeros, through the changed bytes. */
        cr_expect_geq(covered, sizeof(new_data) - 500 - 2000 - 100);
        cr_expect_leq(covers.count, 6);
        matches_done(&matches);
        matches_done(&covers);
    }
}

Test(plan_make, covers_the_new_image_once_and_splits_out_equal_and_constant_runs)
{
    struct matches matches = {0};
    struct matches covers = {0};
    struct plan plan = {0};
    size_t done = 0;
    size_t counts[DELTA_KIND_COUNT] = {0};

    find(&matches, 4096);
    cover_extend(&old, &new_image, &matches, &covers);
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
    matches_done(&matches);
    matches_done(&covers);
}
