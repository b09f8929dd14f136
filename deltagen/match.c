#include "deltagen/match.h"

#include <stdlib.h>

#include "lib/base/mem.h"

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

int64_t match_distance(const struct match *match)
{
    return (int64_t)match->old_pos - (int64_t)match->new_pos;
}

void pieces_add(struct pieces *pieces, size_t start, size_t len)
{
    struct piece *last = pieces->count ? &pieces->items[pieces->count - 1] : NULL;

    if (last && last->start + last->len == start) {
        last->len += len;
        return;
    }
    if (pieces->count == pieces->room) {
        pieces->room = pieces->room ? pieces->room * 2 : 64;
        pieces->items = mem_resize(pieces->items, pieces->room, sizeof(*pieces->items));
    }
    ASSERT(pieces->items);
    pieces->items[pieces->count++] = (struct piece){start, len};
}

void pieces_done(struct pieces *pieces)
{
    mem_free(pieces->items);
    *pieces = (struct pieces){0};
}

static int by_old_place(const void *a, const void *b)
{
    const struct match *x = a;
    const struct match *y = b;

    return (x->old_pos > y->old_pos) - (x->old_pos < y->old_pos);
}

void pieces_rest(size_t old_len, const struct matches *matches, size_t margin, size_t least,
                 struct pieces *out)
{
    AUTO_FREE struct match *sorted = mem_dup(matches->items, matches->count * sizeof(*sorted));
    size_t used = 0; /* up to there */

    if (matches->count > 0)
        qsort(sorted, matches->count, sizeof(*sorted), by_old_place);
    for (size_t i = 0; i <= matches->count; i++) {
        size_t free_until = i < matches->count ? sorted[i].old_pos : old_len;
        size_t end = old_len - free_until < margin ? old_len : free_until + margin;
        size_t start = used > margin ? used - margin : 0;
        const struct piece *last = out->count ? &out->items[out->count - 1] : NULL;

        if (last && start < last->start + last->len)
            start = last->start + last->len;
        if (free_until > used && end > start && end - start >= least)
            pieces_add(out, start, end - start);
        if (i < matches->count && sorted[i].old_pos + sorted[i].len > used)
            used = sorted[i].old_pos + sorted[i].len;
    }
}
