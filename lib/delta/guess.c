/*
 * All constants were chosen on the corpus of image pairs. See history.h for the states and
 * logistic.h for the sums.
 */
#include "lib/delta/guess.h"

#include <string.h>

#include "lib/delta/neuron.h"

enum {
    SLOT_BYTES = 16,
    WEIGHT_START = LOGISTIC_ONE / 4,
    WEIGHT_RATE_SHIFT = 2, /* errors are learnt from at a quarter */
    TRUST_RATE_SHIFT = 6,
    REFINE_RATE_SHIFT = 5,
    REFINE_STEP = 4096 / (GUESS_REFINE_POINTS - 1),
    REFINE_LOG2 = 11,    /* contexts: a near byte and the bit's place */
    REFINE_LOG2_MAX = 9, /* what the upper bits of the byte say is nearly all */
    /* Waste, in 256ths of a bit: where it ends, and from where on guesses are not believed. */
    WASTE_MIN = -4096,
    WASTE_MAX = 4096,
    WASTE_MUCH = 2048,
    INPUT_NODE = GUESS_CONTEXTS,
    INPUT_GUESS,
    INPUT_COUNT = INPUT_GUESS + GUESS_BYTES,
};
_Static_assert((int)INPUT_COUNT <= (int)LOGISTIC_INPUTS, "a neuron holds all inputs");

/* What a bit costs whose chance was so many 64ths, and a half, in 256ths of a bit. */
static const uint16_t costs[64] = {
    1792, 1386, 1198, 1073, 980, 906, 845, 792, 746, 705, 668, 634, 603, 575, 548, 524,
    501,  479,  458,  439,  420, 403, 386, 370, 355, 340, 326, 312, 299, 286, 274, 262,
    250,  239,  228,  218,  207, 197, 188, 178, 169, 160, 151, 143, 134, 126, 118, 110,
    102,  95,   87,   80,   73,  66,  59,  53,  46,  40,  33,  27,  21,  15,  9,   3,
};

static unsigned refine_log2(unsigned counters_log2)
{
    return counters_log2 > REFINE_LOG2_MAX + 6 ? REFINE_LOG2_MAX : counters_log2 - 6;
}

static size_t slots_bytes(unsigned counters_log2)
{
    return (size_t)2 << counters_log2;
}

static size_t refine_bytes(unsigned counters_log2)
{
    return sizeof(uint16_t[GUESS_REFINE_POINTS]) << refine_log2(counters_log2);
}

uint64_t delta_guess_bytes(unsigned counters_log2)
{
    return (uint64_t)slots_bytes(counters_log2) +
           GUESS_REFINES * (uint64_t)refine_bytes(counters_log2);
}

void delta_guess_init(struct delta_guess *guess, void *memory, unsigned counters_log2)
{
    uint8_t *at = memory;

    guess->slots = at;
    guess->slots_log2 = counters_log2 - 3;
    at += slots_bytes(counters_log2);
    for (size_t i = 0; i < GUESS_REFINES; i++) {
        guess->refines[i] = (uint16_t(*)[GUESS_REFINE_POINTS])(void *)at;
        at += refine_bytes(counters_log2);
    }
    guess->refine_shift = REFINE_LOG2 - refine_log2(counters_log2);
}

static void sort_reset(struct delta_guess_sort *sort, const struct delta_history *history)
{
    memset(sort, 0, sizeof(*sort));
    for (size_t i = 0; i <= GUESS_CONTEXTS; i++)
        for (size_t j = 0; j < DELTA_STATES; j++)
            sort->worth[i][j] = delta_worth_start(history, j);
    for (size_t i = 0; i < GUESS_BYTES; i++)
        for (unsigned j = 0; j < GUESS_TRUSTS; j++)
            sort->trust[i][j] = (uint16_t)(65535 - 65535 / (j + 2));
    for (size_t i = 0; i < COUNT(sort->by_near); i++)
        for (size_t j = 0; j < INPUT_COUNT; j++)
            sort->by_near[i][j] = WEIGHT_START;
}

void delta_guess_reset(struct delta_guess *guess)
{
    size_t contexts = (size_t)1 << (REFINE_LOG2 - guess->refine_shift);

    guess->waste = 0;
    memset(guess->slots, 0, (size_t)SLOT_BYTES << guess->slots_log2);
    for (size_t i = 0; i < GUESS_REFINES; i++)
        for (size_t j = 0; j < contexts; j++)
            for (int k = 0; k < GUESS_REFINE_POINTS; k++)
                guess->refines[i][j][k] =
                    (uint16_t)delta_squash(guess->logistic, k * REFINE_STEP - 2048);
    for (size_t i = 0; i < GUESS_SORTS; i++)
        sort_reset(&guess->sorts[i], guess->history);
}

static uint8_t *slot_at(const struct delta_guess *guess, uint32_t number)
{
    return guess->slots + (size_t)number * SLOT_BYTES;
}

/* The one of the three neighbours that has seen least, forgotten. */
static uint8_t *slot_replace(const struct delta_guess *guess, uint32_t first, uint8_t check)
{
    uint8_t *best = slot_at(guess, first);

    for (uint32_t i = 1; i < 3; i++) {
        uint8_t *slot = slot_at(guess, first ^ i);

        if (guess->history->seen[slot[1]] < guess->history->seen[best[1]])
            best = slot;
    }
    memset(best, 0, SLOT_BYTES);
    best[0] = check;
    return best;
}

/* The states of a context. */
static uint8_t *slot_find(const struct delta_guess *guess, uint32_t hash)
{
    uint32_t first = hash >> (32 - guess->slots_log2);
    uint8_t check = (uint8_t)(hash | 1);

    for (uint32_t i = 0; i < 3; i++) {
        uint8_t *slot = slot_at(guess, first ^ i);

        if (slot[0] == check)
            return slot;
    }
    return slot_replace(guess, first, check);
}

/* What is found for one byte, and for one of its bits. */
struct byte {
    const struct delta_question *question;
    struct delta_guess_sort *sort;
    uint8_t *slots[GUESS_CONTEXTS];
    unsigned node; /* 1, then the bits so far */
    int32_t cost;  /* of those, in 256ths of a bit */
    uint8_t *states[GUESS_CONTEXTS + 1];
    int16_t inputs[LOGISTIC_INPUTS];
};

static bool guesses(const struct byte *byte, size_t i, unsigned left)
{
    return (unsigned)byte->question->guesses[i].byte >> (left + 1) == byte->node;
}

static void look_up(const struct delta_guess *guess, struct byte *byte, unsigned node,
                    unsigned left)
{
    const struct delta_question *question = byte->question;
    struct delta_guess_sort *sort = byte->sort;

    for (size_t i = 0; i < GUESS_CONTEXTS; i++)
        byte->states[i] = byte->slots[i] + node;
    byte->states[INPUT_NODE] = &sort->nodes[byte->node];
    for (size_t i = 0; i <= GUESS_CONTEXTS; i++)
        byte->inputs[i] =
            delta_stretch(guess->logistic, delta_worth(sort->worth[i][*byte->states[i]]));
    for (size_t i = 0; i < GUESS_BYTES; i++) {
        int x = 0;

        if (guesses(byte, i, left))
            x = delta_stretch(guess->logistic, sort->trust[i][question->guesses[i].trust]);
        byte->inputs[INPUT_GUESS + i] = (int16_t)(question->guesses[i].byte >> left & 1 ? x : -x);
    }
}

static void learn(const struct delta_guess *guess, struct byte *byte, unsigned left, unsigned bit)
{
    const struct delta_question *question = byte->question;
    struct delta_guess_sort *sort = byte->sort;

    for (size_t i = 0; i <= GUESS_CONTEXTS; i++) {
        uint8_t *state = byte->states[i];

        delta_worth_learn(guess->history, &sort->worth[i][*state], bit);
        *state = guess->history->next[*state][bit];
    }
    for (size_t i = 0; i < GUESS_BYTES; i++)
        if (guesses(byte, i, left))
            delta_approach(&sort->trust[i][question->guesses[i].trust],
                           (question->guesses[i].byte >> left & 1) == bit, TRUST_RATE_SHIFT);
}

/* Between the two nearest points; `*point` is the nearer one. */
static unsigned refine(uint16_t points[GUESS_REFINE_POINTS], int x, uint16_t **point)
{
    unsigned at = (unsigned)(x < -2047 ? 1 : x > 2047 ? 4095 : x + 2048);
    unsigned high = at % REFINE_STEP;

    points += at / REFINE_STEP;
    *point = points + (high >= REFINE_STEP / 2);
    return (points[0] * (REFINE_STEP - high) + points[1] * high) / REFINE_STEP;
}

/* One bit of the byte; `node` is its place in its half, `left` how many follow it. */
static unsigned code_bit(struct delta_guess *guess, struct byte *byte, unsigned node, unsigned left,
                         unsigned bit)
{
    const struct delta_question *question = byte->question;
    unsigned kind = guesses(byte, 0, left) ? question->kind : question->kind & 3;
    int16_t *by_near = byte->sort->by_near[question->near[0]];
    int16_t *by_kind = byte->sort->by_kind[kind * 8 + left];
    uint16_t *points[GUESS_REFINES];
    unsigned mixed;
    unsigned p;
    int16_t miss;
    int x;

    look_up(guess, byte, node, left);
    x = (delta_weigh(byte->inputs, by_near) + delta_weigh(byte->inputs, by_kind)) / LOGISTIC_ONE;
    mixed = delta_squash(guess->logistic, x);
    p = mixed;
    for (size_t i = 0; i < GUESS_REFINES; i++) {
        unsigned context = (question->near[i] >> guess->refine_shift) * 8u + left;

        p += refine(guess->refines[i][context], x, &points[i]) * (i == 0 ? 2 : 1);
    }
    p /= 4;

    bit =
        guess->coder->code(guess->coder, guess->waste > WASTE_MUCH ? (p + 3 * 32768) / 4 : p, bit);
    byte->cost += costs[(bit ? p : 65535 - p) >> 10];

    miss = (int16_t)(((int32_t)(bit << 16) - (int32_t)mixed) >> WEIGHT_RATE_SHIFT);
    delta_learn(byte->inputs, by_near, miss);
    delta_learn(byte->inputs, by_kind, miss);
    for (size_t i = 0; i < GUESS_REFINES; i++)
        delta_approach(points[i], bit, REFINE_RATE_SHIFT);
    learn(guess, byte, left, bit);
    return bit;
}

unsigned delta_guess_code(struct delta_guess *guess, unsigned sort,
                          const struct delta_question *question, unsigned byte)
{
    struct byte state = {.question = question, .sort = &guess->sorts[sort], .node = 1};
    uint32_t hashes[GUESS_CONTEXTS];

    for (uint32_t i = 0; i < GUESS_CONTEXTS; i++)
        hashes[i] = delta_hash(question->contexts[i], sort * GUESS_CONTEXTS + i + 1);
    for (unsigned half = 0; half < 2; half++) {
        unsigned node = 1;

        if (half > 0)
            for (size_t i = 0; i < GUESS_CONTEXTS; i++)
                hashes[i] = delta_hash(hashes[i], state.node);
        for (size_t i = 0; i < GUESS_CONTEXTS; i++)
            __builtin_prefetch(slot_at(guess, hashes[i] >> (32 - guess->slots_log2)), 1);
        for (size_t i = 0; i < GUESS_CONTEXTS; i++)
            state.slots[i] = slot_find(guess, hashes[i]);
        for (unsigned i = 0; i < 4; i++) {
            unsigned left = 7 - 4 * half - i;
            unsigned bit = code_bit(guess, &state, node, left, byte >> left & 1);

            node = node << 1 | bit;
            state.node = state.node << 1 | bit;
        }
    }
    guess->waste += state.cost - 8 * 256;
    guess->waste = guess->waste < WASTE_MIN   ? WASTE_MIN
                   : guess->waste > WASTE_MAX ? WASTE_MAX
                                              : guess->waste;
    return state.node & 255;
}
