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
struct delta_scope;

enum {
    DELTA_MARGIN = 16,          /* old bytes that the model may look at on either side */
    DELTA_NUMBER_CONTEXTS = 64, /* of delta_model_number() */
};

uint64_t delta_model_bytes(unsigned counters_log2, unsigned history_log2);
/* `memory` holds delta_model_bytes(); the model borrows it and the coder. */
struct delta_model *delta_model_init(void *memory, unsigned counters_log2, unsigned history_log2,
                                     struct delta_coder *coder);

/* Forgets all that was learned: a group of operations that can be decoded by itself begins. */
void delta_model_reset(struct delta_model *model);

/* Each takes the value to encode (any value when decoding) and returns the value coded. */
uint64_t delta_model_control(struct delta_model *model, uint64_t word);
uint64_t delta_model_number(struct delta_model *model, unsigned context, uint64_t value);
uint8_t delta_model_insert(struct delta_model *model, uint8_t byte);
/* `len` bytes made of the old ones at `old`, which lie at `old_at` of the old space and become the
 * new space's from `new_at`. DELTA_MARGIN bytes before and behind `old` may be read: the old
 * space's, zeros beyond its ends. A run may be cut into calls anywhere. */
void delta_model_add(struct delta_model *model, const uint8_t *old, uint64_t old_at,
                     uint64_t new_at, uint8_t *bytes, size_t len);
/* The addresses of what follows; borrowed until the next call. NULL: none are known. */
void delta_model_scope(struct delta_model *model, const struct delta_scope *scope);
/* Tells of bytes that were copied or filled. */
void delta_model_passed(struct delta_model *model, const uint8_t *data, size_t len);
