/*
 * Each match grows forwards and backwards to where its worth is largest; where two meet, they
 * part at the place that is worth most. Neighbours of the same distance become one when what lies
 * between them costs less than a second cover would. Covers that save less than they cost are
 * given up.
 */
#include "deltagen/cover.h"

#include <string.h>

enum {
    /* In bits, as everything in agree.h: about what its control words cost, and for each bit of
     * the change of distance. */
    COST_COVER = 25,
    COST_SEEK_BIT = 3,
    COST_SPLIT = 40,
    /* Enough of a long cover to see that it is worth its cost. */
    LOOK_BYTES = 1 << 12,
};

/* `first` reaches `overlap` bytes into `second`: how many of them it keeps. */
static size_t part(const struct pair *pair, const struct match *first, const struct match *second,
                   size_t overlap)
{
    int64_t score = 0;
    int64_t best_score = 0;
    size_t best = 0;

    for (size_t i = 0; i < overlap; i++) {
        size_t pos = second->new_pos + i;

        score += agree_worth(pair, pos, 1, match_distance(first)) -
                 agree_worth(pair, pos, 1, match_distance(second));
        if (score > best_score) {
            best_score = score;
            best = i + 1;
        }
    }
    return best;
}

/* Shortens `first` or moves the start of `second`, so that they no longer overlap. */
static void settle(const struct pair *pair, struct match *first, struct match *second)
{
    size_t end = first->new_pos + first->len;
    size_t overlap;
    size_t keep;

    if (end <= second->new_pos)
        return;
    overlap = end - second->new_pos;
    ASSERT(overlap <= second->len);
    keep = part(pair, first, second, overlap);
    first->len -= overlap - keep;
    second->new_pos += keep;
    second->old_pos += keep;
    second->len -= keep;
}

static int64_t cost_of(int64_t distance_before, int64_t distance)
{
    int64_t step = distance - distance_before;
    uint64_t length = (uint64_t)(step < 0 ? -step : step);

    return COST_COVER + (length ? COST_SEEK_BIT * (64 - __builtin_clzll(length)) : 0);
}

static bool worth_keeping(const struct pair *pair, const struct match *cover,
                          int64_t distance_before)
{
    int64_t worth;

    (void)agree_forwards(pair, cover->old_pos, cover->new_pos,
                         cover->len < LOOK_BYTES ? cover->len : LOOK_BYTES, INT64_MAX / 2, &worth);
    return worth > cost_of(distance_before, match_distance(cover));
}

static void grow_forwards(const struct pair *pair, struct match *cover, size_t limit, int64_t drop)
{
    size_t end = cover->new_pos + cover->len;
    int64_t worth;

    if (end < limit && cover->old_pos + cover->len < pair->old->len)
        cover->len +=
            agree_forwards(pair, cover->old_pos + cover->len, end, limit - end, drop, &worth);
}

static void grow_backwards(const struct pair *pair, struct match *cover, size_t limit, int64_t drop)
{
    int64_t worth;
    size_t grown =
        agree_backwards(pair, cover->old_pos, cover->new_pos, cover->new_pos - limit, drop, &worth);

    cover->new_pos -= grown;
    cover->old_pos -= grown;
    cover->len += grown;
}

/* Makes `second` the end of `first`, if the bytes between them are not too unlike. */
static bool join(const struct pair *pair, struct match *first, const struct match *second)
{
    size_t end = first->new_pos + first->len;

    if (first->len == 0 || match_distance(first) != match_distance(second))
        return false;
    if (end < second->new_pos &&
        agree_worth(pair, end, second->new_pos - end, match_distance(first)) < -COST_SPLIT)
        return false;
    first->len = second->new_pos + second->len - first->new_pos;
    return true;
}

/* A run of one byte is cheaper to name than to copy. */
static bool is_run(const struct pair *pair, const struct match *cover)
{
    const uint8_t *data = pair->new_image->data + cover->new_pos;

    return memcmp(data, data + 1, cover->len - 1) == 0;
}

static void keep(const struct pair *pair, const struct match *cover, struct matches *out)
{
    int64_t before = out->count > 0 ? match_distance(&out->items[out->count - 1]) : 0;

    if (cover->len > 0 && !is_run(pair, cover) && worth_keeping(pair, cover, before))
        matches_add(out, *cover);
}

void cover_extend(const struct pair *pair, const struct matches *matches, int64_t drop,
                  struct matches *out)
{
    /* The old image's start continues into the new one's by default. */
    struct match cover = {0};

    for (size_t i = 0; i < matches->count; i++) {
        struct match next = matches->items[i];

        grow_forwards(pair, &cover, next.new_pos, drop);
        if (join(pair, &cover, &next))
            continue;
        grow_backwards(pair, &next, cover.new_pos, drop);
        settle(pair, &cover, &next);
        keep(pair, &cover, out);
        cover = next;
    }
    grow_forwards(pair, &cover, pair->new_image->len, drop);
    keep(pair, &cover, out);
}
