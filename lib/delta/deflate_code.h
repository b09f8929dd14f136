#pragma once
/* Huffman codes of bounded length, made as deflate's first encoder made them. */
#include "lib/delta/deflate_block.h"

/* What a code is for. */
struct deflate_alphabet {
    const uint8_t *extra; /* bits beyond the code, from `extra_from` on */
    int extra_from;
    int symbols;
    unsigned length_max;
    const struct deflate_code *fixed; /* or NULL */
};

/* Makes lengths of frequencies; adds the message's bits to the sums. Bits are assigned by a call of
 * its own from another file: GCC 12 for ARM64 believes that the function below has no effect where
 * it sees into it, and leaves a call of it out. */
void deflate_code_make(struct deflate_code *code, const struct deflate_alphabet *alphabet,
                       uint64_t *own_bits, uint64_t *fixed_bits);
/* Bits of lengths that are given. */
void deflate_code_assign(struct deflate_code *code, int last);
