#pragma once
/*
 * Inside lib/delta: one bit predicted from many contexts. Each context, hashed with the bits of
 * the byte already known, names one counter; the counters' probabilities go through stretch()
 * (the logarithm of the odds) into a weighted sum, and squash() makes a probability of that
 * again. After the bit, counters move towards it, and weights move along the error. This is the
 * scheme of the PAQ family, cut down to a few hundred kilobytes and to integers.
 */
#include "lib/delta/model.h"

enum {
    MIXER_INPUTS_MAX = 8,
    MIXER_SETS = 4 * 256,
    MIXER_STRETCH_LIMIT = 3071, /* 12 in 256ths: odds of 1 to 160000 */
    MIXER_COUNTER_START = 1 << 15,
};

struct delta_mixer {
    struct delta_coder *coder;
    /* Shared by all contexts, found by hash: probability of a 1 in the upper 13 bits, times
     * seen, up to 7, in the lower 3. */
    uint16_t *counters;
    unsigned counters_log2;
    uint32_t hashes[MIXER_INPUTS_MAX];
    unsigned used; /* contexts of this byte */
    unsigned set;  /* of weights; chosen for each bit */
    int32_t weights[MIXER_SETS][MIXER_INPUTS_MAX + 1];
    int16_t stretch[4096];
    uint16_t squash[2 * MIXER_STRETCH_LIMIT + 1];
};

/* Borrows 2^counters_log2 counters. */
void delta_mixer_init(struct delta_mixer *mixer, uint16_t *counters, unsigned counters_log2,
                      struct delta_coder *coder);
/* A new byte: forgets the contexts of the last one. */
void delta_mixer_start(struct delta_mixer *mixer);
/* Two words are one context; the order of the calls tells contexts apart. */
void delta_mixer_context(struct delta_mixer *mixer, uint32_t a, uint32_t b);
/* Codes one bit. `node` says which bits of the byte came before; `extra` is one more counter, or
 * NULL. */
unsigned delta_mixer_bit(struct delta_mixer *mixer, unsigned node, uint16_t *extra, unsigned bit);
/* The eight bits of a byte, highest first, with 256 sets of weights from `set` on. */
unsigned delta_mixer_byte(struct delta_mixer *mixer, unsigned set, unsigned byte);
