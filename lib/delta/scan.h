#pragma once
/*
 * Inside the scanners: words of old and new bytes, little-endian as all their CPUs are.
 */
#include "lib/delta/predict.h"

static inline uint32_t scan_u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t scan_u32(const uint8_t *p)
{
    return scan_u16(p) | scan_u16(p + 2) << 16;
}

static inline uint64_t scan_u64(const uint8_t *p)
{
    return scan_u32(p) | (uint64_t)scan_u32(p + 4) << 32;
}

static inline void scan_put(uint8_t *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* The lowest `bits` of a number in two's complement. */
static inline int64_t scan_signed(uint64_t value, unsigned bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);

    return (int64_t)((value & ((sign << 1) - 1)) ^ sign) - (int64_t)sign;
}

/* Does the difference fit so many bits? */
static inline bool scan_fits(int64_t value, unsigned bits)
{
    return value >= -(INT64_C(1) << (bits - 1)) && value < INT64_C(1) << (bits - 1);
}
