#pragma once
/*
 * The delta applier's callbacks over memory, for tests: bytes come in small pieces, and what the
 * applier allocates is counted.
 */
#include "lib/base/buf.h"
#include "lib/delta/apply.h"

struct delta_memory {
    const uint8_t *old; /* borrowed, as the patch is */
    size_t old_len;
    const uint8_t *patch;
    size_t patch_len;
    size_t patch_pos;   /* behind what was read last */
    size_t patch_bytes; /* read in all */
    size_t piece;       /* patch bytes given at once, 0: as many as wanted */
    struct buf out;
    size_t allocations;
    size_t allocated_bytes;
    size_t released;
};

/* The output may grow to `out_max` bytes. */
void delta_memory_init(struct delta_memory *memory, size_t out_max);
void delta_memory_done(struct delta_memory *memory);
struct delta_io delta_memory_io(struct delta_memory *memory);
