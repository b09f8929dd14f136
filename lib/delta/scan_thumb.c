/*
 * ARM Thumb-2: BL, BLX and B.W, whose 25 bits lie in two halfwords; and the branches within a
 * function, B of 8, 11 and 20 bits and CBZ.
 *
 * Source of the encodings: ARMv7-M Architecture Reference Manual, A7.7.12, A7.7.18 and A7.7.21.
 */
#include "lib/delta/scan.h"

enum { PC_AHEAD = 4 };

/* Bits of each form's way; one that has none is never asked. */
enum form { FORM_NONE, FORM_FAR, FORM_ANY, FORM_IF, FORM_IF_WIDE, FORM_ZERO };

static const uint8_t way_bits[] = {[FORM_NONE] = 1, [FORM_FAR] = 25,     [FORM_ANY] = 12,
                                   [FORM_IF] = 9,   [FORM_IF_WIDE] = 21, [FORM_ZERO] = 7};

static enum form form_of(const uint8_t *p)
{
    uint32_t high = scan_u16(p);

    if ((high & 0xF800) == 0xF000) {
        uint32_t low = scan_u16(p + 2);

        if ((low & 0x9000) == 0x9000)
            return FORM_FAR;
        return (low & 0xD000) == 0x8000 && (high & 0x380) != 0x380 ? FORM_IF_WIDE : FORM_NONE;
    }
    if ((high & 0xF800) == 0xE000)
        return FORM_ANY;
    if ((high & 0xF000) == 0xD000 && (high & 0xE00) != 0xE00)
        return FORM_IF;
    return (high & 0xF500) == 0xB100 ? FORM_ZERO : FORM_NONE;
}

static int64_t value_of(const uint8_t *p, enum form form)
{
    uint32_t high = scan_u16(p);
    uint32_t low = scan_u16(p + 2);
    uint32_t s = high >> 10 & 1;
    uint32_t i1 = ~((low >> 13) ^ s) & 1;
    uint32_t i2 = ~((low >> 11) ^ s) & 1;

    switch (form) {
    case FORM_FAR:
        return scan_signed(
            s << 24 | i1 << 23 | i2 << 22 | (high & 0x3FF) << 12 | (low & 0x7FF) << 1, 25);
    case FORM_IF_WIDE:
        return scan_signed(s << 20 | (low >> 11 & 1) << 19 | (low >> 13 & 1) << 18 |
                               (high & 0x3F) << 12 | (low & 0x7FF) << 1,
                           21);
    case FORM_ZERO:
        return (int64_t)((high >> 9 & 1) << 6 | (high >> 3 & 31) << 1);
    default:
        return scan_signed((uint64_t)high << 1, way_bits[form]);
    }
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    enum form form = form_of(sight->old);
    uint64_t target = sight->old_address + PC_AHEAD;

    if (sight->old_address % 2 != 0 || form == FORM_NONE)
        return;
    target += (uint64_t)value_of(sight->old, form);
    if (!delta_scope_has(sight->scope, target))
        return;
    *out = (struct delta_field){.length = form == FORM_FAR || form == FORM_IF_WIDE ? 4 : 2,
                                .kind = form == FORM_FAR ? DELTA_FIELD_CALL : DELTA_FIELD_NEAR,
                                .form = form,
                                .target = target,
                                .old_address = sight->old_address,
                                .new_address = sight->new_address};
}

static void put_far(const uint8_t *old, uint32_t bits, uint8_t *out)
{
    uint32_t s = bits >> 24 & 1;
    uint32_t j1 = ~((bits >> 23) ^ s) & 1;
    uint32_t j2 = ~((bits >> 22) ^ s) & 1;

    scan_put(out, (scan_u16(old) & 0xF800) | s << 10 | (bits >> 12 & 0x3FF), 2);
    scan_put(out + 2, (scan_u16(old + 2) & 0xD000) | j1 << 13 | j2 << 11 | (bits >> 1 & 0x7FF), 2);
}

static void put_if_wide(const uint8_t *old, uint32_t bits, uint8_t *out)
{
    scan_put(out, (scan_u16(old) & 0xFBC0) | (bits >> 20 & 1) << 10 | (bits >> 12 & 0x3F), 2);
    scan_put(out + 2,
             (scan_u16(old + 2) & 0xD000) | (bits >> 18 & 1) << 13 | (bits >> 19 & 1) << 11 |
                 (bits >> 1 & 0x7FF),
             2);
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    int64_t way = (int64_t)(target - field->new_address - PC_AHEAD);
    enum form form = (enum form)field->form;
    uint32_t bits = (uint32_t)way;
    uint32_t said = (1u << (way_bits[form] - 1)) - 1;

    if (form == FORM_FAR)
        put_far(old, bits, out);
    else if (form == FORM_IF_WIDE)
        put_if_wide(old, bits, out);
    else if (form == FORM_ZERO)
        scan_put(out, (scan_u16(old) & 0xFD07) | (bits >> 6 & 1) << 9 | (bits >> 1 & 31) << 3, 2);
    else
        scan_put(out, (scan_u16(old) & ~said) | (bits >> 1 & said), 2);
    return way % 2 == 0 && (form == FORM_ZERO ? way >= 0 && way < 1 << way_bits[form]
                                              : scan_fits(way, way_bits[form]));
}

/* What came may be another instruction. */
static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    enum form form = (enum form)field->form;

    if (form != FORM_FAR && form_of(bytes) != form)
        return guess;
    return field->new_address + PC_AHEAD + (uint64_t)value_of(bytes, form);
}

const struct delta_scanner delta_scan_thumb = {find, make, read};
