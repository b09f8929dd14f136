/*
 * Equal bytes are taken eight at a time; the masks are asked only where bytes differ.
 *
 * Words in tables (pointers, offsets) have no mask. A difference there counts as repaired when
 * the same difference of the aligned word was seen a moment ago: the applier will see it too.
 */
#include "deltagen/agree.h"

#include <string.h>

#include "lib/base/mem.h"

enum {
    RECENT = 4,
    MOVES_LOG2 = 13,
    MOVES_MAX = 1 << 11,
    MOVE_COVER_MIN = 64,
};

/* Differences of words seen on this way. */
struct recent {
    uint32_t values[RECENT];
    unsigned next;
    uint64_t word_plus_one; /* the last word that was judged, and how */
    int worth;
};

void pair_init(struct pair *pair, const struct image *old, const struct image *new_image)
{
    *pair = (struct pair){.old = old, .new_image = new_image};
    mask_init(&pair->old_mask, old);
    mask_init(&pair->new_mask, new_image);
}

void pair_done(struct pair *pair)
{
    mask_done(&pair->old_mask);
    mask_done(&pair->new_mask);
    mem_free(pair->moves);
    pair->moves = NULL;
}

/* The place of a move, or the empty one where it would stand. */
static uint32_t *find_move(const struct pair *pair, uint32_t move)
{
    uint32_t at = move * UINT32_C(0x9E3779B1) >> (32 - MOVES_LOG2);

    while (pair->moves[at] && pair->moves[at] != move)
        at = (at + 1) % (1U << MOVES_LOG2);
    return &pair->moves[at];
}

/* Of the longest covers, by halving the length that counts until there are too many. */
void pair_learn(struct pair *pair, const struct matches *covers)
{
    size_t floor = SIZE_MAX / 2;
    size_t count = 0;

    mem_free(pair->moves);
    pair->moves = mem_array((size_t)1 << MOVES_LOG2, sizeof(uint32_t));
    while (floor >= MOVE_COVER_MIN && count < MOVES_MAX) {
        for (size_t i = 0; i < covers->count && count < MOVES_MAX; i++) {
            uint32_t move = (uint32_t)-match_distance(&covers->items[i]);
            uint32_t *place;

            if (covers->items[i].len < floor || covers->items[i].len >= floor * 2 || !move)
                continue;
            place = find_move(pair, move);
            count += *place == 0;
            *place = move;
        }
        floor /= 2;
    }
}

bool pair_reaches(const struct pair *pair, uint64_t new_pos, int64_t distance)
{
    int64_t old_pos = (int64_t)new_pos + distance;

    return old_pos >= 0 && (uint64_t)old_pos < pair->old->len;
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_run(uint64_t value)
{
    return value == (value << 8 | value >> 56);
}

/* Of bytes that differ: only in what is hidden on both sides? */
static bool differs_hidden(const struct pair *pair, uint64_t old_pos, uint64_t new_pos)
{
    return mask_hides(&pair->old_mask, old_pos) && mask_hides(&pair->new_mask, new_pos) &&
           mask_byte(&pair->old_mask, old_pos) == mask_byte(&pair->new_mask, new_pos);
}

bool agree_masked_run(const struct pair *pair, uint64_t old_pos, uint64_t new_pos, size_t len)
{
    const uint8_t *a = pair->old->data + old_pos;
    const uint8_t *b = pair->new_image->data + new_pos;

    if (memcmp(a, b, len) == 0)
        return true;
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i] && !differs_hidden(pair, old_pos + i, new_pos + i))
            return false;
    return true;
}

/* What a word that moved by so much is worth, for each of its bytes. */
static int worth_of_move(const struct pair *pair, uint32_t moved, uint32_t here,
                         struct recent *recent)
{
    bool known = false;

    /* An address, or one that is relative to where it stands (and `here` moved too). */
    if (pair->moves && (moved + here == 0 || *find_move(pair, moved) == moved ||
                        *find_move(pair, moved + here) == moved + here))
        return AGREE_HIDDEN;
    for (unsigned i = 0; i < RECENT; i++)
        known |= recent->values[i] == moved;
    recent->values[recent->next++ % RECENT] = moved;
    return known ? AGREE_REPEAT : -AGREE_DIFFER;
}

/* The word around the difference decides, once for all its bytes. */
static int worth_of_difference(const struct pair *pair, uint64_t old_pos, uint64_t new_pos,
                               struct recent *recent)
{
    uint64_t skip = old_pos % 4;

    if (differs_hidden(pair, old_pos, new_pos))
        return AGREE_HIDDEN;
    if (new_pos < skip || old_pos - skip + 4 > pair->old->len ||
        new_pos - skip + 4 > pair->new_image->len)
        return -AGREE_DIFFER;
    if (recent->word_plus_one != old_pos - skip + 1) {
        recent->word_plus_one = old_pos - skip + 1;
        recent->worth = worth_of_move(pair,
                                      load32(pair->new_image->data + new_pos - skip) -
                                          load32(pair->old->data + old_pos - skip),
                                      (uint32_t)new_pos - (uint32_t)old_pos, recent);
    }
    return recent->worth;
}

/* Zeros cost little as literals, too. */
static int worth_of_equal(uint8_t byte)
{
    return byte ? AGREE_EQUAL : AGREE_ZERO;
}

size_t agree_forwards(const struct pair *pair, uint64_t old_pos, uint64_t new_pos, size_t max,
                      int64_t drop, int64_t *worth)
{
    const uint8_t *a = pair->old->data + old_pos;
    const uint8_t *b = pair->new_image->data + new_pos;
    uint64_t old_left = pair->old->len - old_pos;
    uint64_t new_left = pair->new_image->len - new_pos;
    struct recent recent = {0};
    int64_t score = 0;
    int64_t best_score = 0;
    size_t best = 0;
    size_t i = 0;

    max = max < old_left ? max : (size_t)old_left;
    max = max < new_left ? max : (size_t)new_left;
    while (i < max && score > best_score - drop) {
        if (i + 8 <= max && load64(a + i) == load64(b + i)) {
            score += is_run(load64(b + i)) ? 8 * AGREE_RUN : 8 * AGREE_EQUAL;
            i += 8;
        } else if (a[i] == b[i]) {
            score += worth_of_equal(b[i]);
            i++;
        } else {
            score += worth_of_difference(pair, old_pos + i, new_pos + i, &recent);
            i++;
        }
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    *worth = best_score;
    return best;
}

size_t agree_backwards(const struct pair *pair, uint64_t old_pos, uint64_t new_pos, size_t max,
                       int64_t drop, int64_t *worth)
{
    const uint8_t *a = pair->old->data + old_pos;
    const uint8_t *b = pair->new_image->data + new_pos;
    struct recent recent = {0};
    int64_t score = 0;
    int64_t best_score = 0;
    size_t best = 0;
    size_t i = 0;

    max = max < old_pos ? max : (size_t)old_pos;
    max = max < new_pos ? max : (size_t)new_pos;
    while (i < max && score > best_score - drop) {
        if (i + 8 <= max && load64(a - i - 8) == load64(b - i - 8)) {
            score += is_run(load64(b - i - 8)) ? 8 * AGREE_RUN : 8 * AGREE_EQUAL;
            i += 8;
        } else if (a[-(ptrdiff_t)i - 1] == b[-(ptrdiff_t)i - 1]) {
            score += worth_of_equal(b[-(ptrdiff_t)i - 1]);
            i++;
        } else {
            score += worth_of_difference(pair, old_pos - i - 1, new_pos - i - 1, &recent);
            i++;
        }
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    *worth = best_score;
    return best;
}

int64_t agree_worth(const struct pair *pair, uint64_t new_pos, size_t len, int64_t distance)
{
    struct recent recent = {0};
    int64_t score = 0;

    for (size_t i = 0; i < len; i++) {
        uint64_t old_pos = (uint64_t)((int64_t)(new_pos + i) + distance);

        if (!pair_reaches(pair, new_pos + i, distance)) {
            score -= AGREE_DIFFER;
        } else if (i + 8 <= len && old_pos + 8 <= pair->old->len &&
                   load64(pair->old->data + old_pos) ==
                       load64(pair->new_image->data + new_pos + i)) {
            score += is_run(load64(pair->new_image->data + new_pos + i)) ? 8 * AGREE_RUN
                                                                         : 8 * AGREE_EQUAL;
            i += 7;
        } else if (pair->old->data[old_pos] == pair->new_image->data[new_pos + i]) {
            score += worth_of_equal(pair->old->data[old_pos]);
        } else {
            score += worth_of_difference(pair, old_pos, new_pos + i, &recent);
        }
    }
    return score;
}

int64_t agree_loss(const struct pair *pair, uint64_t new_pos, size_t len, int64_t distance,
                   int64_t enough)
{
    uint64_t old_pos = (uint64_t)((int64_t)new_pos + distance);
    const uint8_t *a = pair->old->data + old_pos;
    const uint8_t *b = pair->new_image->data + new_pos;
    struct recent recent = {0};
    int64_t loss = 0;

    for (size_t i = 0; i < len && loss < enough; i++) {
        if (i + 8 <= len && load64(a + i) == load64(b + i))
            i += 7;
        else if (a[i] != b[i])
            loss += AGREE_EQUAL - worth_of_difference(pair, old_pos + i, new_pos + i, &recent);
    }
    return loss;
}
