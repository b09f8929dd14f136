/*
 * Many lanes at once and one after another give the same numbers: patches depend on every bit.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/delta/neuron.h"

enum { ROUNDS = 20000 };

struct neuron {
    int16_t inputs[LOGISTIC_INPUTS];
    int16_t weights[LOGISTIC_INPUTS];
    int16_t behind[LOGISTIC_INPUTS]; /* a neighbour's */
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Within +-most, and often at the ends. */
static int16_t pick(uint32_t *seed, int most)
{
    uint32_t random = next_random(seed);

    if (random % 4 == 0)
        return (int16_t)(random & 16 ? most : -most);
    return (int16_t)((int)(next_random(seed) % (2 * (uint32_t)most + 1)) - most);
}

static void make(struct neuron *out, uint32_t *seed)
{
    for (size_t i = 0; i < LOGISTIC_INPUTS; i++) {
        out->inputs[i] = pick(seed, LOGISTIC_INPUT_MAX);
        out->weights[i] = pick(seed, INT16_MAX);
        out->behind[i] = pick(seed, INT16_MAX);
    }
}

Test(delta_neuron, weighs_the_same_with_any_lanes)
{
    uint32_t seed = 1;
    struct neuron neuron;

    for (int i = 0; i < ROUNDS; i++) {
        make(&neuron, &seed);
        cr_assert_eq(delta_weigh(neuron.inputs, neuron.weights),
                     delta_weigh_plain(neuron.inputs, neuron.weights));
    }
}

Test(delta_neuron, learns_the_same_with_any_lanes)
{
    uint32_t seed = 2;
    struct neuron neuron;

    for (int i = 0; i < ROUNDS; i++) {
        struct neuron plain;
        int16_t miss = pick(&seed, INT16_MAX);

        make(&neuron, &seed);
        plain = neuron;
        delta_learn(neuron.inputs, neuron.weights, miss);
        delta_learn_plain(plain.inputs, plain.weights, miss);
        cr_assert_arr_eq(neuron.weights, plain.weights, sizeof(plain.weights), "miss %d", miss);
        cr_assert_arr_eq(neuron.behind, plain.behind, sizeof(plain.behind));
        cr_assert_arr_eq(neuron.inputs, plain.inputs, sizeof(plain.inputs));
    }
}

Test(delta_neuron, weights_stay_within_their_bound)
{
    struct neuron neuron = {.inputs = {LOGISTIC_INPUT_MAX, -LOGISTIC_INPUT_MAX}};

    for (int i = 0; i < 1000; i++) {
        delta_learn(neuron.inputs, neuron.weights, INT16_MAX);
        cr_assert_gt(neuron.weights[0], 0, "it never wraps");
        cr_assert_lt(neuron.weights[1], 0);
    }
    cr_expect_gt(neuron.weights[0], LOGISTIC_WEIGHT_MAX - 1);
    cr_expect_lt(neuron.weights[1], 1 - LOGISTIC_WEIGHT_MAX);
    cr_expect_eq(neuron.weights[2], 0, "what was not asked does not learn");
}
