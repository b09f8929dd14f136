#pragma once
/*
 * Inside lib/delta: probabilities and the logarithms of their odds, in which evidence adds up (as
 * neuron.h says). Integers only, so that all machines agree; the tables are computed from points
 * of the logistic curve.
 *
 * Probabilities are of a 1, in 65536ths. Stretched ones are in 256ths: +-2047 as inputs, and
 * +-3071 (odds of 1 to 160000) as sums.
 */
#include "lib/base/base.h"

enum {
    LOGISTIC_INPUT_MAX = 2047,
    LOGISTIC_SUM_MAX = 3071,
    LOGISTIC_INPUTS = 12,           /* of a neuron, unused ones zero */
    LOGISTIC_ONE = 1 << 14,         /* as weight */
    LOGISTIC_WEIGHT_MAX = 31 << 10, /* so that a step of learning stays within 16 bits */
};

struct delta_logistic {
    int16_t stretch[4096];
    uint16_t squash[2 * (LOGISTIC_SUM_MAX + 1) / 4 + 2];
};

void delta_logistic_init(struct delta_logistic *logistic);

static inline int16_t delta_stretch(const struct delta_logistic *logistic, unsigned p)
{
    return logistic->stretch[p >> 4];
}

/* Within [1, 65535]. */
static inline unsigned delta_squash(const struct delta_logistic *logistic, int x)
{
    if (x > LOGISTIC_SUM_MAX)
        x = LOGISTIC_SUM_MAX;
    if (x < -LOGISTIC_SUM_MAX)
        x = -LOGISTIC_SUM_MAX;
    return logistic->squash[(unsigned)(x + LOGISTIC_SUM_MAX + 1) / 4];
}

/* Moves a probability towards the bit, by 2^-shift of the way; it stays within [0, 65535]. */
static inline void delta_approach(uint16_t *p, unsigned bit, unsigned shift)
{
    if (bit)
        *p = (uint16_t)(*p + ((65535 - *p) >> shift));
    else
        *p = (uint16_t)(*p - (*p >> shift));
}
