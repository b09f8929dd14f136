#pragma once
/*
 * Packs a large LZ4 block by the HC encoder as if at once, but in a window: see lz4_packer.c. What
 * the encoder would have done with all of the block in sight can differ where matches or literals
 * go on for very long; the generator tries it.
 */
#include "lib/delta/repack.h"

struct lz4_packer;

uint64_t lz4_packer_bytes(void);
struct lz4_packer *lz4_packer_open(unsigned level, uint64_t unpacked_len,
                                   struct delta_space *space);
bool lz4_packer_step(struct lz4_packer *packer, struct delta_flow *flow, struct err *err);
