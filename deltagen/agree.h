#pragma once
/*
 * What it is worth to make new bytes from these old ones, about in bits: an equal byte saves a
 * literal, a different one costs more than the literal it replaces, and a difference that the
 * applier's address prediction will repair is nearly as good as no difference.
 */
#include "deltagen/mask.h"
#include "deltagen/match.h"

enum {
    AGREE_EQUAL = 4,
    AGREE_ZERO = 2,
    AGREE_RUN = 1,    /* in a run of one byte, where a literal costs little too */
    AGREE_HIDDEN = 3, /* different, but in an address on both sides, or a word that moved */
    AGREE_REPEAT = 2, /* a word moved like one before, but like no cover */
    AGREE_DIFFER = 7, /* lost */
};

struct pair {
    const struct image *old, *new_image; /* borrowed */
    struct mask old_mask, new_mask;
    /* How far covers moved: a hash set, 0 for empty; owned. NULL: nothing is known yet. */
    uint32_t *moves;
};

void pair_init(struct pair *pair, const struct image *old, const struct image *new_image);
void pair_done(struct pair *pair);
/* From now on words that differ by as much as one of the largest of these covers moved are
 * addresses. */
void pair_learn(struct pair *pair, const struct matches *covers);

/* The old place of `new_pos` at this distance (old minus new) is inside the old image. */
bool pair_reaches(const struct pair *pair, uint64_t new_pos, int64_t distance);

/* Are all these bytes equal, or hidden on both sides? */
bool agree_masked_run(const struct pair *pair, uint64_t old_pos, uint64_t new_pos, size_t len);

/* The worth of exactly `len` bytes; the part that is outside the old image counts as different. */
int64_t agree_worth(const struct pair *pair, uint64_t new_pos, size_t len, int64_t distance);
/*
 * From there on, at most `max` bytes: how many make the worth the largest. `*worth` is that. It
 * looks on until `drop` below the best.
 */
size_t agree_forwards(const struct pair *pair, uint64_t old_pos, uint64_t new_pos, size_t max,
                      int64_t drop, int64_t *worth);
/* The same for the bytes before. */
size_t agree_backwards(const struct pair *pair, uint64_t old_pos, uint64_t new_pos, size_t max,
                       int64_t drop, int64_t *worth);
/* What is lost against equal bytes; at least `enough` ends the count. The stretch is inside. */
int64_t agree_loss(const struct pair *pair, uint64_t new_pos, size_t len, int64_t distance,
                   int64_t enough);
