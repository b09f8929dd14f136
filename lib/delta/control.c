#include "lib/delta/control.h"

#include <string.h>

#include "lib/delta/format.h"
#include "lib/delta/neuron.h"

enum {
    WEIGHT_START = LOGISTIC_ONE / 3,
    WEIGHT_RATE_SHIFT = 2,
    KIND_BITS = 3,
    KIND_SET = 16, /* of weights; those before are numbers' */
};
/* What a number is: lengths hardly ever come again as they were. */
enum sort { SORT_LENGTH, SORT_NUMBER };
#define SEEK_MASK (UINT64_MAX >> 1) /* what a number's length has room for */

void delta_control_reset(struct delta_control *control)
{
    size_t kept = offsetof(struct delta_control, inserted);

    memset((uint8_t *)control + kept, 0, sizeof(*control) - kept);
    for (size_t i = 0; i < CONTROL_INPUTS; i++)
        for (size_t j = 0; j < DELTA_STATES; j++)
            control->worth[i][j] = delta_worth_start(control->guess->history, j);
    for (size_t i = 0; i < COUNT(control->weights); i++)
        for (size_t j = 0; j < CONTROL_INPUTS; j++)
            control->weights[i][j] = WEIGHT_START;
}

/* One bit at `place` of something, under each context. */
static unsigned code_bit(struct delta_control *control, const uint32_t contexts[CONTROL_INPUTS],
                         uint32_t place, unsigned set, unsigned bit)
{
    const struct delta_logistic *logistic = control->guess->logistic;
    const struct delta_history *history = control->guess->history;
    int16_t inputs[LOGISTIC_INPUTS] = {0};
    uint8_t *states[CONTROL_INPUTS];
    int16_t *weights = control->weights[set];
    unsigned p;

    for (uint32_t i = 0; i < CONTROL_INPUTS; i++) {
        states[i] = &control->states[i][delta_hash(contexts[i], place) % CONTROL_STATES];
        inputs[i] = delta_stretch(logistic, delta_worth(control->worth[i][*states[i]]));
    }
    p = delta_squash(logistic, delta_weigh(inputs, weights) / LOGISTIC_ONE);
    bit = control->guess->coder->code(control->guess->coder, p, bit);
    delta_learn(inputs, weights,
                (int16_t)(((int32_t)(bit << 16) - (int32_t)p) >> WEIGHT_RATE_SHIFT));
    for (size_t i = 0; i < CONTROL_INPUTS; i++) {
        delta_worth_learn(history, &control->worth[i][*states[i]], bit);
        *states[i] = history->next[*states[i]][bit];
    }
    return bit;
}

static unsigned bits_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* Six bits of its length, then what follows the highest one; of those, the lower ones of a length
 * have next to no context, while other numbers may come again as they were. */
static uint64_t code_number(struct delta_control *control, const uint32_t contexts[CONTROL_INPUTS],
                            enum sort sort, uint64_t value)
{
    unsigned bits = 0;
    unsigned node = 1;
    unsigned want = bits_of(value);
    uint64_t out = 1;

    for (int i = 5; i >= 0; i--)
        node = node << 1 | code_bit(control, contexts, node, (unsigned)i, want >> i & 1);
    bits = node & 63;
    if (bits == 0)
        return 0;
    for (unsigned left = bits - 1; left-- > 0;) {
        unsigned done = bits - 2 - left;
        uint32_t seen = done < 6 ? (uint32_t)out : 0;
        const uint32_t known[CONTROL_INPUTS] = {
            contexts[0], contexts[1],
            sort == SORT_NUMBER ? delta_hash(contexts[2], (uint32_t)out) : contexts[2]};
        unsigned bit = code_bit(control, known, seen << 12 | left << 6 | bits | 1u << 31,
                                8 + (done < 7 ? done : 7), value >> left & 1);

        out = out << 1 | bit;
    }
    return out;
}

uint64_t delta_control_number(struct delta_control *control, unsigned context, uint64_t value)
{
    uint32_t last = control->numbers[context];
    const uint32_t contexts[CONTROL_INPUTS] = {context | 1u << 24, context | last << 8 | 1u << 25,
                                               context | 1u << 26};

    value = code_number(control, contexts, SORT_NUMBER, value);
    control->numbers[context] = (uint8_t)bits_of(value);
    return value;
}

/* Where old bytes were replaced, a seek is about as long as what was inserted: only the rest is
 * coded. Wraps, so that both directions agree on any value. */
static uint64_t code_seek(struct delta_control *control, const uint32_t contexts[CONTROL_INPUTS],
                          uint64_t length)
{
    uint64_t inserted = control->inserted;
    uint64_t rest = delta_zigzag((int64_t)((uint64_t)delta_unzigzag(length) - inserted));

    rest = code_number(control, contexts, SORT_LENGTH, rest & SEEK_MASK);
    return delta_zigzag((int64_t)((uint64_t)delta_unzigzag(rest) + inserted)) & SEEK_MASK;
}

static void word_done(struct delta_control *control, unsigned kind, uint64_t length)
{
    if (kind == DELTA_INSERT || kind == DELTA_FILL)
        control->inserted += length;
    else if (kind == DELTA_COPY || kind == DELTA_ADD)
        control->inserted = 0;
    control->lengths[kind] = length;
    control->kinds[1] = control->kinds[0];
    control->kinds[0] = (uint8_t)kind;
}

uint64_t delta_control_word(struct delta_control *control, uint64_t word)
{
    uint32_t before = control->kinds[0] | (uint32_t)control->kinds[1] << KIND_BITS;
    uint32_t size = bits_of(control->lengths[control->kinds[0]]);
    const uint32_t by_kind[CONTROL_INPUTS] = {before, before | size << 8,
                                              control->kinds[0] | 1u << 20};
    uint32_t contexts[CONTROL_INPUTS];
    unsigned node = 1;
    unsigned kind;
    uint64_t length = word >> KIND_BITS;

    for (int i = KIND_BITS - 1; i >= 0; i--)
        node = node << 1 | code_bit(control, by_kind, node | 512, KIND_SET + (unsigned)i,
                                    (unsigned)(word >> i) & 1);
    kind = node & 7;
    contexts[0] = kind | 1u << 16;
    contexts[1] = kind | before << 3 | 1u << 17;
    contexts[2] = kind | bits_of(control->lengths[kind]) << 3 | size << 9 | 1u << 18;
    length = kind == DELTA_SEEK ? code_seek(control, contexts, length)
                                : code_number(control, contexts, SORT_LENGTH, length);
    word_done(control, kind, length);
    return length << KIND_BITS | kind;
}
