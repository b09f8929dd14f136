#pragma once
/*
 * Inside lib/delta: what a context has seen, in one byte. A state stands for a short history of
 * bits: how many zeros, how many ones (bounded, and the rarer kind forgotten as the other goes
 * on), and which came last. Many contexts with the same state share one adaptive probability, so
 * the byte says "seen twice, both ones" and experience says what that is worth.
 */
#include "lib/base/base.h"

enum {
    DELTA_STATES = 256,
    DELTA_EXPERIENCE_MAX = 1020,
};

struct delta_history {
    uint8_t next[DELTA_STATES][2]; /* the state after a 0 and after a 1 */
    uint16_t start[DELTA_STATES];  /* a first guess of the chance of a 1, in 65536ths */
    uint8_t seen[DELTA_STATES];    /* bits that the state remembers, at most */
    /* How far a state's worth moves towards a bit when it was asked for so often, in 65536ths. */
    uint16_t inertia[DELTA_EXPERIENCE_MAX + 1];
};

/* Computes the tables; state 0 has seen nothing. */
void delta_history_init(struct delta_history *history);

/* What a state is worth: chance of a 1 in the upper 22 bits, times asked in the lower 10. */
static inline uint32_t delta_worth_start(const struct delta_history *history, size_t state)
{
    return (uint32_t)history->start[state] << 16;
}

/* In 65536ths. */
static inline unsigned delta_worth(uint32_t worth)
{
    return worth >> 16;
}

static inline void delta_worth_learn(const struct delta_history *history, uint32_t *worth,
                                     unsigned bit)
{
    uint32_t times = *worth & 1023;
    int32_t p = (int32_t)(*worth >> 10);
    int32_t miss = (bit ? (1 << 22) - 1 : 0) - p;

    p += (int32_t)((int64_t)miss * history->inertia[times] >> 16);
    *worth = (uint32_t)p << 10 | (times < DELTA_EXPERIENCE_MAX ? times + 1 : times);
}

/* Names a context; all 32 bits are used. */
static inline uint32_t delta_hash(uint32_t a, uint32_t b)
{
    uint32_t hash = a * 0x2C1B3C6Du ^ b * 0x9E3779B1u;

    hash = (hash ^ hash >> 15) * 0x297A2D39u;
    return hash ^ hash >> 16;
}
