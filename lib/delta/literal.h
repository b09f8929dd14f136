#pragma once
/*
 * Inside lib/delta: bytes that no old byte foretells. Each bit is predicted from what came after
 * the same few bytes before, and from what followed the last place where the last bytes were
 * seen. Which bytes: programs are what images are made of, so the one and two bytes just before
 * count, as do those that leave out the nearest (an operand between opcodes), and the same column
 * of the words before. Longer contexts are left to the match, for they would fill the memory with
 * what comes once.
 */
#include "lib/delta/guess.h"

struct delta_literal {
    struct delta_guess *guess; /* whose first sort of bytes these are */
    uint8_t *recent;           /* the last new bytes, as many as a power of two */
    uint32_t recent_mask;
    uint32_t *heads; /* where a hash of some bytes was last */
    unsigned heads_log2;

    uint64_t tail;     /* the last eight bytes, the last one lowest */
    uint32_t position; /* wraps */
    uint32_t match_at;
    unsigned match_len;
};

uint64_t delta_literal_bytes(unsigned history_log2);
/* `memory` holds delta_literal_bytes(), aligned as for 32 bits. All is borrowed. */
void delta_literal_init(struct delta_literal *literal, void *memory, unsigned history_log2);
void delta_literal_reset(struct delta_literal *literal);
unsigned delta_literal_code(struct delta_literal *literal, unsigned byte);
/* Tells of bytes that were not coded here. */
void delta_literal_passed(struct delta_literal *literal, const uint8_t *bytes, size_t len);
