/*
 * At a seed that does not agree with the current distance, the places that have the same seed
 * are tried: each is worth as much as its bytes agree, less the change of distance.
 */
#include "deltagen/find_walk.h"

#include <string.h>

enum {
    CANDIDATES = 6,
    /* How far a candidate is looked at: enough to choose, and to leave a bad neighbourhood. */
    LOOK_BYTES = 4096,
    LOOK_DROP = 64,
    /* In bits: a change of distance, to nearby, and to anywhere. */
    NEAR_COST = 30,
    FAR_COST = 70,
    NEAR_BYTES = 1 << 12,
    /* Equal bytes are passed over in steps of this. */
    STRIDE = 1 << 12,
    APART_BYTES = 48,
};

static int64_t change_cost(int64_t from, int64_t to)
{
    int64_t step = from < to ? to - from : from - to;

    if (step == 0)
        return 0;
    return step < NEAR_BYTES ? NEAR_COST : FAR_COST;
}

/* How many bytes may be looked at on both sides. */
struct limits {
    size_t back, ahead;
};

struct choice {
    uint64_t old_pos, new_pos;
    size_t len;
    int64_t worth;
};

static size_t look(uint64_t bytes)
{
    return bytes < LOOK_BYTES ? (size_t)bytes : LOOK_BYTES;
}

static void consider(const struct find_walk *walk, uint64_t old_pos, uint64_t new_pos,
                     struct limits limits, struct choice *best)
{
    const size_t window = seed_bytes(walk->seed_walk->shape);
    int64_t forwards;
    int64_t backwards;
    int64_t worth;
    size_t len;
    size_t back;

    if (!agree_masked_run(walk->pair, old_pos, new_pos, window))
        return;
    len = agree_forwards(walk->pair, old_pos, new_pos, limits.ahead, LOOK_DROP, &forwards);
    back = agree_backwards(walk->pair, old_pos, new_pos, limits.back, LOOK_DROP, &backwards);
    worth = forwards + backwards - change_cost(walk->distance, (int64_t)old_pos - (int64_t)new_pos);
    if (worth > best->worth)
        *best = (struct choice){old_pos - back, new_pos - back, back + len, worth};
}

static bool agrees(const struct find_walk *walk, uint64_t at, size_t len)
{
    return pair_reaches(walk->pair, at, walk->distance) &&
           pair_reaches(walk->pair, at + len - 1, walk->distance) &&
           agree_masked_run(walk->pair, (uint64_t)((int64_t)at + walk->distance), at, len);
}

/* Where the bytes that equal those at the current distance end, in strides. */
static uint64_t pass_equal(const struct find_walk *walk, uint64_t at, uint64_t end)
{
    const uint8_t *new_data = walk->pair->new_image->data;
    const uint8_t *old_data = walk->pair->old->data;

    while (end - at >= STRIDE && pair_reaches(walk->pair, at + STRIDE - 1, walk->distance) &&
           memcmp(new_data + at, old_data + (int64_t)at + walk->distance, STRIDE) == 0)
        at += STRIDE;
    return at;
}

static bool choose(const struct find_walk *walk, uint64_t at, uint64_t hash, struct limits limits,
                   struct choice *out)
{
    uint64_t places[CANDIDATES];
    int64_t expected = (int64_t)at + walk->distance;
    size_t count =
        seeds_find(walk->seeds, hash, expected < 0 ? 0 : (uint64_t)expected, places, CANDIDATES);

    *out = (struct choice){.worth = 0};
    for (size_t i = 0; i < count; i++)
        consider(walk, places[i], at, limits, out);
    return out->worth > 0 &&
           out->worth > agree_worth(walk->pair, out->new_pos, out->len, walk->distance);
}

static void add(struct find_walk *walk, uint64_t old_pos, uint64_t new_pos, size_t len)
{
    matches_add(walk->out, (struct match){.new_pos = new_pos, .old_pos = old_pos, .len = len});
    walk->guessed = false;
}

void find_walk(struct find_walk *walk, uint64_t start, uint64_t end)
{
    const size_t window = seed_bytes(walk->seed_walk->shape);
    uint64_t floor = start; /* where the last match ends */
    uint64_t at;
    uint64_t hash;

    seed_walk_range(walk->seed_walk, start, end);
    while (seed_walk_next(walk->seed_walk, &at, &hash)) {
        struct choice choice;
        struct limits limits = {at < floor ? 0 : look(at - floor), look(end - at)};

        if (at < floor)
            continue;
        if (agrees(walk, at, window)) {
            uint64_t equal_end = pass_equal(walk, at, end);

            if (equal_end > at)
                seed_walk_range(walk->seed_walk, equal_end, end);
            /* Growing may not get here from the last match. */
            if (walk->guessed || at - floor > APART_BYTES)
                add(walk, (uint64_t)((int64_t)at + walk->distance), at, window);
            floor = equal_end > at + window ? equal_end : at + window;
            continue;
        }
        if (!choose(walk, at, hash, limits, &choice))
            continue;
        add(walk, choice.old_pos, choice.new_pos, choice.len);
        walk->distance = (int64_t)choice.old_pos - (int64_t)choice.new_pos;
        floor = choice.new_pos + choice.len;
    }
}
