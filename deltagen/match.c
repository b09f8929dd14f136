/*
 * The walk over the new image, after bsdiff: a match counts only when it beats what the current
 * distance gives by more than 8 bytes, the price of changing it. Inside regions that were found
 * by hash nothing is searched.
 */
#include "deltagen/match.h"

#include "deltagen/blocks.h"
#include "lib/base/mem.h"

enum {
    SWITCH_BYTES = 8,
    /* A match of this length is worth a change of distance even for one byte: and looking again
     * at every position of a long, nearly equal region would take too long. */
    LONG_BYTES = 512,
    PROGRESS_BYTES = 1 << 18,
};

void matches_add(struct matches *matches, struct match match)
{
    if (matches->count == matches->room) {
        matches->room = matches->room ? matches->room * 2 : 256;
        matches->items = mem_resize(matches->items, matches->room, sizeof(*matches->items));
    }
    matches->items[matches->count++] = match;
}

void matches_done(struct matches *matches)
{
    mem_free(matches->items);
    *matches = (struct matches){0};
}

struct walk {
    const struct image *old, *new_image;
    const struct index *index;
    const struct matches *regions;
    size_t region; /* the first that does not end before the walk */
    int64_t distance;
};

static bool agrees(const struct walk *walk, size_t pos)
{
    int64_t old_pos = (int64_t)pos + walk->distance;

    return old_pos >= 0 && (uint64_t)old_pos < walk->old->len &&
           walk->old->data[old_pos] == walk->new_image->data[pos];
}

static size_t longest(struct walk *walk, size_t pos, size_t *old_pos)
{
    const struct matches *regions = walk->regions;
    size_t left = walk->new_image->len - pos;

    while (walk->region < regions->count &&
           regions->items[walk->region].new_pos + regions->items[walk->region].len <= pos)
        walk->region++;
    if (walk->region < regions->count) {
        const struct match *region = &regions->items[walk->region];

        if (region->new_pos <= pos) {
            *old_pos = region->old_pos + (pos - region->new_pos);
            return region->new_pos + region->len - pos;
        }
        left = region->new_pos - pos;
    }
    return index_find(walk->index, walk->new_image->data + pos, left, old_pos);
}

/* From `*pos` on, the next place where the distance should change. */
static bool next_match(struct walk *walk, size_t *pos, struct match *out)
{
    size_t counted = *pos; /* agreement with the current distance is known up to here */
    size_t score = 0;      /* agreeing bytes in [*pos, counted) */

    for (; *pos < walk->new_image->len; (*pos)++) {
        size_t old_pos = 0;
        size_t len = longest(walk, *pos, &old_pos);

        for (; counted < *pos + len; counted++)
            score += agrees(walk, counted);
        if (len > score + SWITCH_BYTES || (len >= LONG_BYTES && len > score)) {
            *out = (struct match){*pos, old_pos, len};
            return true;
        }
        if (len > 0 && len == score) {
            *pos += len - 1;
            counted = *pos + 1;
            score = 0;
        } else if (counted > *pos) {
            score -= agrees(walk, *pos);
        } else {
            counted = *pos + 1;
        }
    }
    return false;
}

static void walk_all(struct walk *walk, const struct match_options *options, struct matches *out)
{
    struct match match;
    size_t pos = 0;
    size_t told = 0;

    while (next_match(walk, &pos, &match)) {
        matches_add(out, match);
        walk->distance = (int64_t)match.old_pos - (int64_t)match.new_pos;
        pos = match.new_pos + match.len;
        if (options->progress && pos - told >= PROGRESS_BYTES) {
            options->progress(options->progress_arg, pos);
            told = pos;
        }
    }
}

void match_images(const struct image *old, const struct image *new_image,
                  const struct match_options *options, struct matches *out)
{
    struct matches regions = {0};
    struct pieces pieces = {0};
    struct walk walk = {.old = old, .new_image = new_image, .regions = &regions};
    const struct piece whole = {0, old->len};
    struct index *index;

    if (options->block_bytes) {
        blocks_match(old, new_image, options->block_bytes, &regions);
        blocks_rest(old, options->block_bytes, &regions, &pieces);
        index = index_new(old, pieces.items, pieces.count);
    } else {
        index = index_new(old, &whole, old->len > 0);
    }
    walk.index = index;
    walk_all(&walk, options, out);
    index_free(index);
    pieces_done(&pieces);
    matches_done(&regions);
}
