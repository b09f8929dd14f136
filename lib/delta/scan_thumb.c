/*
 * ARM Thumb-2: BL, BLX and B.W, whose 25 bits lie in two halfwords.
 *
 * Source of the encodings: ARMv7-M Architecture Reference Manual, A7.7.12 and A7.7.18 (T4).
 */
#include "lib/delta/scan.h"

enum { PC_AHEAD = 4 };

static bool is_branch(const uint8_t *p)
{
    return (scan_u16(p) & 0xF800) == 0xF000 && (scan_u16(p + 2) & 0x9000) == 0x9000;
}

static int64_t value_of(const uint8_t *p)
{
    uint32_t high = scan_u16(p);
    uint32_t low = scan_u16(p + 2);
    uint32_t s = high >> 10 & 1;
    uint32_t i1 = ~((low >> 13) ^ s) & 1;
    uint32_t i2 = ~((low >> 11) ^ s) & 1;

    return scan_signed(s << 24 | i1 << 23 | i2 << 22 | (high & 0x3FF) << 12 | (low & 0x7FF) << 1,
                       25);
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    uint64_t target = sight->old_address + PC_AHEAD + (uint64_t)value_of(sight->old);

    if (sight->old_address % 2 != 0 || !is_branch(sight->old) ||
        !delta_scope_has(sight->scope, target))
        return;
    *out = (struct delta_field){.length = 4,
                                .kind = DELTA_FIELD_CALL,
                                .target = target,
                                .old_address = sight->old_address,
                                .new_address = sight->new_address};
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    int64_t way = (int64_t)(target - field->new_address - PC_AHEAD);
    uint32_t bits = (uint32_t)way;
    uint32_t s = bits >> 24 & 1;
    uint32_t j1 = ~((bits >> 23) ^ s) & 1;
    uint32_t j2 = ~((bits >> 22) ^ s) & 1;

    scan_put(out, (scan_u16(old) & 0xF800) | s << 10 | (bits >> 12 & 0x3FF), 2);
    scan_put(out + 2, (scan_u16(old + 2) & 0xD000) | j1 << 13 | j2 << 11 | (bits >> 1 & 0x7FF), 2);
    return way % 2 == 0 && scan_fits(way, 25);
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    (void)guess;
    return field->new_address + PC_AHEAD + (uint64_t)value_of(bytes);
}

const struct delta_scanner delta_scan_thumb = {find, make, read};
