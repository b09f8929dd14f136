#pragma once
/*
 * Inside lib/delta: one byte predicted bit by bit from eight contexts, up to three guesses of the
 * whole byte, and what was learnt of their worth. Literals and changed bytes are two sorts of
 * bytes, which know different contexts and learn apart, in one memory.
 */
#include "lib/delta/history.h"
#include "lib/delta/logistic.h"
#include "lib/delta/model.h"

enum {
    GUESS_CONTEXTS = 8,
    GUESS_BYTES = 3,
    GUESS_TRUSTS = 64,
    GUESS_KINDS = 32,
    GUESS_SORTS = 2,
    GUESS_REFINES = 2,
    GUESS_REFINE_POINTS = 17,
    GUESS_NONE = 0,
    GUESS_IS = 256, /* added to a guessed byte */
};

/* What is known before a byte is. */
struct delta_question {
    uint32_t contexts[GUESS_CONTEXTS]; /* each told from the others by its place */
    struct {
        uint16_t byte;  /* GUESS_IS + a byte, or GUESS_NONE */
        uint16_t trust; /* its reasons, below GUESS_TRUSTS */
    } guesses[GUESS_BYTES];
    uint8_t near[GUESS_REFINES]; /* bytes that say most; the first selects weights, too */
    unsigned kind;               /* selects weights; below GUESS_KINDS */
};

struct delta_guess_sort {
    /* What a state is worth under each context: chance of a 1 in the upper 22 bits, times asked
     * in the lower 10. */
    uint32_t worth[GUESS_CONTEXTS + 1][DELTA_STATES];
    uint8_t nodes[256]; /* states without context */
    uint16_t trust[GUESS_BYTES][GUESS_TRUSTS];
    int16_t by_near[256][LOGISTIC_INPUTS]; /* weights */
    int16_t by_kind[GUESS_KINDS * 8][LOGISTIC_INPUTS];
};

struct delta_guess {
    struct delta_coder *coder;
    const struct delta_logistic *logistic;
    const struct delta_history *history;
    /* What contexts have seen, found by hash: a check byte, then the states of the 15 nodes of
     * half a byte. */
    uint8_t *slots;
    unsigned slots_log2;
    /* Corrections of the final probability by a near byte and the bit's place. */
    uint16_t (*refines[GUESS_REFINES])[GUESS_REFINE_POINTS];
    unsigned refine_shift; /* of the byte, where memory is short */
    /* Bits spent of late beyond eight a byte, in 256ths: signatures and packed data are known by
     * that, and then cost eight. */
    int32_t waste;
    struct delta_guess_sort sorts[GUESS_SORTS];
};

uint64_t delta_guess_bytes(unsigned counters_log2);
/* `memory` holds delta_guess_bytes() and is aligned as for 16 bits. All is borrowed; coder,
 * logistic and history are set by the caller. */
void delta_guess_init(struct delta_guess *guess, void *memory, unsigned counters_log2);
void delta_guess_reset(struct delta_guess *guess);
unsigned delta_guess_code(struct delta_guess *guess, unsigned sort,
                          const struct delta_question *question, unsigned byte);
