#pragma once
/*
 * The cm codec's model: a context-mixing predictor of single bits, the same code for both
 * directions. Every bit of a control word, diff or literal is predicted from several contexts at
 * once (neighbouring diffs, the old bytes under the cursor, bytes just written); a small mixer
 * learns which of them to believe; the coder spends -log2(p) bits.
 *
 * Integer arithmetic only, so that all machines agree. Memory is fixed: 2^counters_log2 counters
 * of 4 bytes and the struct itself. Bits that contradict the prediction are never an error: a
 * wrong patch gives wrong bytes, and the image's hash tells.
 */
#include "lib/base/base.h"

/* One binary arithmetic coder, in either direction. `p` is the chance of a 1 in 65536ths, within
 * [1, 65535]. The encoder writes `bit` and returns it; the decoder ignores it and returns what it
 * read. */
struct delta_coder {
    unsigned (*code)(struct delta_coder *coder, unsigned p, unsigned bit);
};

struct delta_model;

uint64_t delta_model_bytes(unsigned counters_log2);
/* `memory` holds delta_model_bytes(); the model borrows it and the coder. */
struct delta_model *delta_model_init(void *memory, unsigned counters_log2,
                                     struct delta_coder *coder);

/* Each takes the value to encode (any value when decoding) and returns the value coded. */
uint64_t delta_model_control(struct delta_model *model, uint64_t word);
uint8_t delta_model_add(struct delta_model *model, uint8_t old, uint8_t byte);
uint8_t delta_model_insert(struct delta_model *model, uint8_t byte);
/* Tells of bytes that were copied or filled. */
void delta_model_passed(struct delta_model *model, const uint8_t *data, size_t len);
