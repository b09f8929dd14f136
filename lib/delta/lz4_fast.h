#pragma once
/*
 * LZ4's fast encoder at its ordinary speed, as liblz4 1.9 does it on CPUs of 64 bits that are
 * little-endian; liblz4's own gives other bytes on other CPUs. Source of the block format:
 * lz4_Block_format.md of the LZ4 project.
 */
#include "lib/base/base.h"

enum { LZ4_FAST_TABLE_BYTES = 16 << 10 };

/* `out` has room for `len + len / 255 + 16` bytes, `table` is LZ4_FAST_TABLE_BYTES. Returns the
 * packed length. `len` is below 2^31. */
size_t lz4_fast_pack(const uint8_t *in, size_t len, uint8_t *out, void *table);
