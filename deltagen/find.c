/*
 * Each round takes the covers of the one before, searches the stretches between them, and extends
 * old and new matches together. The old bytes that a cover uses are not searched again, but for a
 * margin; of large images that leaves little, and of small ones nothing is lost by it. In the end
 * the covers say how addresses moved, which puts tables right.
 */
#include "deltagen/find.h"

#include "deltagen/blocks.h"
#include "deltagen/cover.h"
#include "deltagen/find_shift.h"
#include "deltagen/find_walk.h"
#include "deltagen/unpack.h"
#include "lib/base/mem.h"

enum {
    BLOCK_BYTES = 4096,
    BYTES_PER_SEED = 13, /* at most: a place, and one or two buckets */
    SAMPLE_LOG2_MAX = 24,
    ROUND_DROP = 120,
    LAST_DROP = 240
};

/* clang-format off */
static const struct round {
    struct seed_shape shape;
    size_t margin; /* of old bytes around what no cover uses */
} rounds[] = {
    {{2, 3}, 4096},
    {{10, 1},  64},
};
/* clang-format on */

struct search {
    struct pair pair;
    const struct find_options *options;
};

static struct seed_shape fitting(struct seed_shape shape, const struct pieces *pieces,
                                 uint64_t memory_bytes)
{
    uint64_t total = 0;

    for (size_t i = 0; i < pieces->count; i++)
        total += pieces->items[i].len;
    while ((total >> shape.sample_log2) * BYTES_PER_SEED > memory_bytes &&
           shape.sample_log2 < SAMPLE_LOG2_MAX)
        shape.sample_log2++;
    return shape;
}

/* Walks along a stretch; where a part with a counterpart begins, its distance is the first try. */
static void search_stretch(const struct search *search, struct find_walk *walk, uint64_t start,
                           uint64_t end)
{
    const struct find_hints *hints = &search->options->hints;
    size_t i = find_hints_after(hints, start);

    for (; i < hints->count && hints->items[i].new_at < end; i++) {
        find_walk(walk, start, hints->items[i].new_at);
        start = hints->items[i].new_at;
        walk->distance = find_hints_distance(hints, start);
        walk->guessed = true;
    }
    find_walk(walk, start, end);
}

/* Walks between the covers and puts what is found in front of each. */
static void search_between(const struct search *search, struct find_walk *walk,
                           const struct matches *covers)
{
    const size_t new_len = search->pair.new_image->len;
    size_t done = 0;

    for (size_t i = 0; i < covers->count; i++) {
        const struct match *cover = &covers->items[i];

        search_stretch(search, walk, done, cover->new_pos);
        matches_add(walk->out, *cover);
        walk->distance = match_distance(cover);
        walk->guessed = false;
        done = cover->new_pos + cover->len;
        if (search->options->progress)
            search->options->progress(search->options->progress_arg, done);
    }
    search_stretch(search, walk, done, new_len);
}

static void search_round(const struct search *search, const struct round *round,
                         const struct matches *covers, struct matches *out)
{
    const struct pair *pair = &search->pair;
    uint64_t memory = search->options->memory_bytes;
    struct pieces pieces = {0};
    struct seed_walk seed_walk;
    struct find_walk walk = {.pair = pair, .seed_walk = &seed_walk, .out = out};
    struct seed_shape shape;
    struct seeds *seeds;

    pieces_rest(pair->old->len, covers, round->margin, seed_bytes(round->shape), &pieces);
    shape = fitting(round->shape, &pieces, memory ? memory : FIND_MEMORY_BYTES);
    seeds = seeds_new(&pair->old_mask, shape, pieces.items, pieces.count);
    seed_walk_init(&seed_walk, &pair->new_mask, shape);
    walk.seeds = seeds;
    search_between(search, &walk, covers);
    seed_walk_done(&seed_walk);
    seeds_free(seeds);
    pieces_done(&pieces);
}

void find_covers(const struct image *old, const struct image *new_image,
                 const struct find_options *options, struct matches *out)
{
    struct search search = {.options = options};
    struct matches covers = {0};
    struct matches found = {0};

    pair_init(&search.pair, old, new_image);
    find_hints_match(&options->hints, old, new_image, &covers);
    blocks_match(old, new_image, BLOCK_BYTES, &options->hints, &covers, &found);
    matches_done(&covers);
    for (size_t i = 0; i < COUNT(rounds); i++) {
        cover_extend(&search.pair, &found, ROUND_DROP, &covers);
        matches_done(&found);
        pair_learn(&search.pair, &covers);
        search_round(&search, &rounds[i], &covers, &found);
        matches_done(&covers);
    }
    /* Twice: where a cover was given up, its neighbours may grow. */
    cover_extend(&search.pair, &found, LAST_DROP, &covers);
    matches_done(&found);
    pair_learn(&search.pair, &covers);
    find_shifts(&search.pair, &covers, &found);
    cover_extend(&search.pair, &found, LAST_DROP, out);
    pair_done(&search.pair);
    matches_done(&covers);
    matches_done(&found);
}
