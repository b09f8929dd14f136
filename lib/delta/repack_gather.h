#pragma once
/*
 * Inside the re-packing methods: coders that take a whole block at once. Input is gathered until
 * it ends, coded, and the result is given out as there is room for it.
 */
#include "lib/delta/repack.h"

/* Behind the input there is room for so many bytes of the coder's. */
enum { DELTA_GATHER_SLACK = 16 };

struct delta_gather;

/* What is to be coded, and where to. */
struct delta_gathered {
    struct delta_packing packing;
    struct delta_space space; /* the coder's own memory */
    uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t room;
};

typedef bool delta_gather_fn(struct delta_gathered *block, size_t *out_len, struct err *err);

uint64_t delta_gather_bytes(uint64_t in_max, uint64_t out_max, uint64_t coder_bytes);
struct delta_gather *delta_gather_open(const struct delta_packing *packing, delta_gather_fn *code,
                                       uint64_t in_max, uint64_t out_max, uint64_t coder_bytes,
                                       struct delta_space *space);
bool delta_gather_step(struct delta_gather *gather, struct delta_flow *flow, struct err *err);
