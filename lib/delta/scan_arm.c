/*
 * ARM's own instructions of 32 bits: B and BL under any condition (24 bits of words).
 *
 * Source of the encodings: Arm Architecture Reference Manual ARMv7-A, A8.8.18 and A8.8.25.
 */
#include "lib/delta/scan.h"

enum { PC_AHEAD = 8 };

/* Condition 15 is another instruction. */
static bool is_branch(uint32_t w)
{
    return (w & 0x0E000000) == 0x0A000000 && w >> 28 != 15;
}

static int64_t value_of(uint32_t w)
{
    return scan_signed(w, 24) * 4;
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    uint32_t w = scan_u32(sight->old);
    uint64_t target = sight->old_address + PC_AHEAD + (uint64_t)value_of(w);

    if (sight->old_address % 4 != 0 || !is_branch(w) || !delta_scope_has(sight->scope, target))
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

    scan_put(out, (scan_u32(old) & 0xFF000000) | ((uint32_t)((uint64_t)way >> 2) & 0xFFFFFF), 4);
    return way % 4 == 0 && scan_fits(way, 26);
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    (void)guess;
    return field->new_address + PC_AHEAD + (uint64_t)value_of(scan_u32(bytes));
}

const struct delta_scanner delta_scan_arm = {find, make, read};
