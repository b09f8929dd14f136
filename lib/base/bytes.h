#pragma once
/*
 * A bounds-checked cursor over somebody else's bytes. Reading past the end sets `failed` and
 * returns zeros from then on: a decoder reads all its fields in order and asks once.
 * Integers are little-endian. The cursor borrows the bytes.
 */
#include "lib/base/base.h"

struct bytes {
    const uint8_t *data;
    size_t len;
    size_t pos;
    bool failed;
};

struct bytes bytes_of(const void *data, size_t len);
size_t bytes_left(const struct bytes *in);
uint8_t bytes_u8(struct bytes *in);
uint16_t bytes_u16(struct bytes *in);
uint32_t bytes_u32(struct bytes *in);
uint64_t bytes_u64(struct bytes *in);
/* LEB128, at most 10 bytes, shortest form only. */
uint64_t bytes_varint(struct bytes *in);
/* A view of the next `len` bytes, or NULL (and failed). */
const uint8_t *bytes_take(struct bytes *in, size_t len);

/* For records of a fixed size: the value's lowest `bytes` bytes, little-endian; returns what lies
 * behind them. */
uint8_t *bytes_put(uint8_t *at, uint64_t value, unsigned bytes);
