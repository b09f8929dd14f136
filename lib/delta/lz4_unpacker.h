#pragma once
/* Unpacks an LZ4 block as a stream, with the last 64 KiB as its only memory. */
#include "lib/delta/repack.h"

struct lz4_unpacker;

uint64_t lz4_unpacker_bytes(void);
/* `unpacked_len`: where the block ends. */
struct lz4_unpacker *lz4_unpacker_open(uint64_t unpacked_len, struct delta_space *space);
bool lz4_unpacker_step(struct lz4_unpacker *unpacker, struct delta_flow *flow, struct err *err);
