/*
 * Each match grows forwards and backwards to where (agreeing minus differing bytes) is largest,
 * as in bsdiff; where two meet, they part at the place that leaves most bytes agreeing. Then
 * covers that save less than their control word costs are given up.
 */
#include "deltagen/cover.h"

enum {
    /* In eighths of a byte sent: what a control word and seek cost, a literal, and a diff that
     * is not zero. From the small corpus; a quarter more or less changes patches by 1 %. */
    COST_COVER = 80,
    COST_LITERAL = 6,
    COST_DIFF = 9,
};

static bool agrees(const struct image *old, const struct image *new_image, size_t old_pos,
                   size_t new_pos)
{
    return old->data[old_pos] == new_image->data[new_pos];
}

static size_t forwards(const struct image *old, const struct image *new_image,
                       const struct match *match, size_t limit)
{
    size_t best = match->len;
    int64_t score = 0;
    int64_t best_score = 0;

    for (size_t i = match->len; match->new_pos + i < limit && match->old_pos + i < old->len; i++) {
        score += agrees(old, new_image, match->old_pos + i, match->new_pos + i) ? 1 : -1;
        if (score > best_score) {
            best_score = score;
            best = i + 1;
        }
    }
    return best;
}

static size_t backwards(const struct image *old, const struct image *new_image,
                        const struct match *match, size_t limit)
{
    size_t best = 0;
    int64_t score = 0;
    int64_t best_score = 0;

    for (size_t i = 1; match->new_pos >= limit + i && match->old_pos >= i; i++) {
        score += agrees(old, new_image, match->old_pos - i, match->new_pos - i) ? 1 : -1;
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

/* `first` reaches `overlap` bytes into `second`: how many of them it keeps. */
static size_t part(const struct image *old, const struct image *new_image,
                   const struct match *first, const struct match *second, size_t overlap)
{
    int64_t score = 0;
    int64_t best_score = 0;
    size_t best = 0;

    for (size_t i = 0; i < overlap; i++) {
        size_t pos = second->new_pos + i;

        score += agrees(old, new_image, first->old_pos + (pos - first->new_pos), pos);
        score -= agrees(old, new_image, second->old_pos + i, pos);
        if (score > best_score) {
            best_score = score;
            best = i + 1;
        }
    }
    return best;
}

/* Shortens `first` or moves the start of `second`, so that they no longer overlap. */
static void settle(const struct image *old, const struct image *new_image, struct match *first,
                   struct match *second)
{
    size_t end = first->new_pos + first->len;
    size_t overlap;
    size_t keep;

    if (end <= second->new_pos)
        return;
    overlap = end - second->new_pos;
    keep = part(old, new_image, first, second, overlap);
    first->len -= overlap - keep;
    second->new_pos += keep;
    second->old_pos += keep;
    second->len -= keep;
}

static bool worth_keeping(const struct image *old, const struct image *new_image,
                          const struct match *cover)
{
    int64_t saved = -COST_COVER;

    for (size_t i = 0; i < cover->len; i++) {
        saved += COST_LITERAL;
        if (!agrees(old, new_image, cover->old_pos + i, cover->new_pos + i))
            saved -= COST_DIFF;
        if (saved > COST_COVER)
            return true;
    }
    return saved > 0;
}

void cover_extend(const struct image *old, const struct image *new_image,
                  const struct matches *matches, struct matches *out)
{
    /* The old image's start continues into the new one's by default. */
    struct match cover = {0};

    for (size_t i = 0; i <= matches->count; i++) {
        struct match next = {.new_pos = new_image->len};

        if (i < matches->count)
            next = matches->items[i];
        cover.len = forwards(old, new_image, &cover, next.new_pos);
        if (i < matches->count) {
            size_t grown = backwards(old, new_image, &next, cover.new_pos);

            next.new_pos -= grown;
            next.old_pos -= grown;
            next.len += grown;
            settle(old, new_image, &cover, &next);
        }
        if (cover.len > 0 && worth_keeping(old, new_image, &cover))
            matches_add(out, cover);
        cover = next;
    }
}
