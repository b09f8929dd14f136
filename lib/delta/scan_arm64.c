/*
 * ARM64: B and BL (26 bits of words), conditional branches, ADR, and ADRP with the ADD, load or
 * store that completes the address, when that stands within the margin.
 *
 * Source of the encodings: Arm Architecture Reference Manual, C4.1.
 */
#include "lib/delta/scan.h"

enum { FORM_BRANCH, FORM_NEAR, FORM_ADR, FORM_ADRP, FORM_LOW, FORM_SHIFT = 8, WORDS_AROUND = 3 };
#define PAGE UINT64_C(0xFFF)

static bool is_adrp(uint32_t w)
{
    return (w & 0x9F000000) == 0x90000000;
}

static int64_t adr_value(uint32_t w)
{
    return scan_signed((w >> 29 & 3) | (w >> 5 & 0x7FFFF) << 2, 21);
}

/* How far the 12 bits of an ADD, load or store are shifted; -1: it is none. */
static int low_shift(uint32_t w)
{
    if ((w & 0xFFC00000) == 0x91000000)
        return 0;
    if ((w & 0x3B000000) != 0x39000000)
        return -1;
    return (w & 0x04800000) == 0x04800000 && w >> 30 == 0 ? 4 : (int)(w >> 30);
}

static uint64_t low_value(uint32_t w)
{
    return (uint64_t)(w >> 10 & 0xFFF) << low_shift(w);
}

static uint64_t page_of(uint32_t w, uint64_t address)
{
    return (address & ~PAGE) + ((uint64_t)adr_value(w) << 12);
}

/* The low half that belongs to an ADRP. */
static uint64_t low_behind(const uint8_t *old, uint32_t reg)
{
    for (int i = 1; i <= WORDS_AROUND; i++) {
        uint32_t w = scan_u32(old + (ptrdiff_t)4 * i);

        if (low_shift(w) >= 0 && (w >> 5 & 31) == reg)
            return low_value(w) & PAGE;
    }
    return 0;
}

/* An offset beyond the page is no half of an address. */
static bool find_low(const struct delta_sight *sight, uint32_t w, struct delta_field *out)
{
    if (low_value(w) > PAGE)
        return false;
    for (int i = 1; i <= WORDS_AROUND; i++) {
        uint32_t before = scan_u32(sight->old - (ptrdiff_t)4 * i);

        if (!is_adrp(before) || (before & 31) != (w >> 5 & 31))
            continue;
        out->target = page_of(before, sight->old_address - (uint64_t)(4 * i)) + low_value(w);
        out->form = FORM_LOW | (unsigned)low_shift(w) << FORM_SHIFT;
        out->kind = DELTA_FIELD_LOW;
        return true;
    }
    return false;
}

/* The bits of a conditional branch's way; 0: it is none. */
static unsigned near_bits(uint32_t w)
{
    if ((w & 0xFF000010) == 0x54000000 || (w & 0x7E000000) == 0x34000000)
        return 19;
    return (w & 0x7E000000) == 0x36000000 ? 14 : 0;
}

static bool recognise(const struct delta_sight *sight, uint32_t w, struct delta_field *out)
{
    if ((w & 0x7C000000) == 0x14000000) {
        out->form = FORM_BRANCH;
        out->kind = DELTA_FIELD_CALL;
        out->target = sight->old_address + (uint64_t)(scan_signed(w, 26) * 4);
    } else if (near_bits(w) > 0) {
        out->form = FORM_NEAR;
        out->kind = DELTA_FIELD_NEAR;
        out->target = sight->old_address + (uint64_t)(scan_signed(w >> 5, near_bits(w)) * 4);
    } else if (is_adrp(w)) {
        out->form = FORM_ADRP;
        out->kind = DELTA_FIELD_DATA;
        out->target = page_of(w, sight->old_address) + low_behind(sight->old, w & 31);
    } else if ((w & 0x9F000000) == 0x10000000) {
        out->form = FORM_ADR;
        out->kind = DELTA_FIELD_DATA;
        out->target = sight->old_address + (uint64_t)adr_value(w);
    } else {
        return low_shift(w) >= 0 && find_low(sight, w, out);
    }
    return true;
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    if (sight->old_address % 4 != 0 || !recognise(sight, scan_u32(sight->old), out) ||
        !delta_scope_has(sight->scope, out->target))
        return;
    out->length = 4;
    out->old_address = sight->old_address;
    out->new_address = sight->new_address;
}

static uint32_t adr_word(uint32_t w, int64_t value)
{
    uint32_t bits = (uint32_t)value;

    return (w & 0x9F00001F) | (bits & 3) << 29 | (bits >> 2 & 0x7FFFF) << 5;
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    uint32_t w = scan_u32(old);
    unsigned shift = field->form >> FORM_SHIFT;
    uint32_t near;
    int64_t way = (int64_t)(target - field->new_address);
    int64_t pages = (int64_t)((target & ~PAGE) - (field->new_address & ~PAGE)) / 4096;

    switch (field->form & ((1u << FORM_SHIFT) - 1)) {
    case FORM_BRANCH:
        scan_put(out, (w & 0xFC000000) | ((uint32_t)((uint64_t)way >> 2) & 0x03FFFFFF), 4);
        return way % 4 == 0 && scan_fits(way, 28);
    case FORM_NEAR:
        near = ((1u << near_bits(w)) - 1) << 5;
        scan_put(out, (w & ~near) | ((uint32_t)((uint64_t)way >> 2) << 5 & near), 4);
        return way % 4 == 0 && scan_fits(way, near_bits(w) + 2);
    case FORM_ADR:
        scan_put(out, adr_word(w, way), 4);
        return scan_fits(way, 21);
    case FORM_ADRP:
        scan_put(out, adr_word(w, pages), 4);
        return scan_fits(pages, 21);
    default:
        scan_put(out, (w & 0xFFC003FF) | (uint32_t)((target & PAGE) >> shift) << 10, 4);
        return (target & ((1u << shift) - 1)) == 0;
    }
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    uint32_t w = scan_u32(bytes);

    switch (field->form & ((1u << FORM_SHIFT) - 1)) {
    case FORM_BRANCH:
        return field->new_address + (uint64_t)(scan_signed(w, 26) * 4);
    case FORM_NEAR: /* what came may be another instruction */
        return near_bits(w) == 0
                   ? guess
                   : field->new_address + (uint64_t)(scan_signed(w >> 5, near_bits(w)) * 4);
    case FORM_ADR:
        return field->new_address + (uint64_t)adr_value(w);
    case FORM_ADRP:
        return page_of(w, field->new_address) | (guess & PAGE);
    default:
        return (guess & ~PAGE) |
               ((uint64_t)(w >> 10 & 0xFFF) << (field->form >> FORM_SHIFT) & PAGE);
    }
}

const struct delta_scanner delta_scan_arm64 = {find, make, read};
