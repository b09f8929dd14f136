#include "deltagen/find_shift.h"

enum {
    STRIDE = 192, /* of 24, 16, 12 and 8 bytes, a whole number of rows */
    /* In bits: from here on a stretch is looked at, and what another distance must save. */
    BAD = 140,
    GAIN_MIN = 100,
    STEP = 4,
    STEPS = 96,
    KNOWN = 4,
};

struct shifter {
    const struct pair *pair;
    struct matches *out;
    struct match piece;   /* that grows */
    int64_t known[KNOWN]; /* distances that were right a moment ago */
    unsigned next;
};

static void try(const struct shifter *shifter, uint64_t at, size_t len, int64_t distance,
                int64_t *best, int64_t *best_distance)
{
    int64_t loss;

    if (!pair_reaches(shifter->pair, at, distance) ||
        !pair_reaches(shifter->pair, at + len - 1, distance))
        return;
    loss = agree_loss(shifter->pair, at, len, distance, *best);
    if (loss < *best) {
        *best = loss;
        *best_distance = distance;
    }
}

static int64_t better_distance(const struct shifter *shifter, uint64_t at, size_t len, int64_t now)
{
    int64_t best = agree_loss(shifter->pair, at, len, now, INT64_MAX);
    int64_t distance = now;

    if (best < BAD)
        return now;
    best -= GAIN_MIN;
    for (unsigned i = 0; i < KNOWN; i++)
        try(shifter, at, len, shifter->known[i], &best, &distance);
    for (int64_t i = 1; i <= STEPS; i++) {
        try(shifter, at, len, now + i * STEP, &best, &distance);
        try(shifter, at, len, now - i * STEP, &best, &distance);
    }
    return distance;
}

static void change(struct shifter *shifter, uint64_t at, int64_t distance)
{
    if (shifter->piece.len > 0)
        matches_add(shifter->out, shifter->piece);
    shifter->known[shifter->next++ % KNOWN] = match_distance(&shifter->piece);
    shifter->piece = (struct match){at, (size_t)((int64_t)at + distance), 0};
}

void find_shifts(const struct pair *pair, const struct matches *covers, struct matches *out)
{
    struct shifter shifter = {.pair = pair, .out = out};

    for (size_t i = 0; i < covers->count; i++) {
        const struct match *cover = &covers->items[i];

        change(&shifter, cover->new_pos, match_distance(cover));
        for (size_t done = 0; done < cover->len; done += STRIDE) {
            size_t len = cover->len - done < STRIDE ? cover->len - done : STRIDE;
            uint64_t at = cover->new_pos + done;
            int64_t distance = match_distance(&shifter.piece);

            /* A distance is left where it leaves the old image; the cover's never does. */
            if (!pair_reaches(pair, at + len - 1, distance))
                distance = match_distance(cover);
            if (len == STRIDE)
                distance = better_distance(&shifter, at, len, distance);
            if (distance != match_distance(&shifter.piece))
                change(&shifter, at, distance);
            shifter.piece.len += len;
        }
    }
    if (shifter.piece.len > 0)
        matches_add(out, shifter.piece);
}
