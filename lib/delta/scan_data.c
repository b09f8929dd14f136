/*
 * Data: words that are the address of something in the scope, and aligned 32 bits that lead from
 * themselves to something in it (unwind tables, jump tables, relative pointers). The lowest
 * addresses are left out: small numbers are counts.
 */
#include "lib/delta/scan.h"

enum { FORM_ADDRESS, FORM_OFFSET, SMALLEST = 256 };

static bool is_address(const struct delta_sight *sight, uint64_t value)
{
    return value >= SMALLEST && delta_scope_has(sight->scope, value);
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    unsigned word = sight->scope->word;
    uint64_t value = word == 8 ? scan_u64(sight->old) : scan_u32(sight->old);
    int64_t offset = scan_signed(scan_u32(sight->old), 32);

    out->old_address = sight->old_address;
    out->new_address = sight->new_address;
    if (sight->old_address % word == 0 && is_address(sight, value)) {
        out->length = word;
        out->form = FORM_ADDRESS;
        out->kind = DELTA_FIELD_ADDRESS;
        out->target = value;
        return;
    }
    if (sight->old_address % 4 != 0 || (offset < SMALLEST && offset > -SMALLEST) ||
        !is_address(sight, sight->old_address + (uint64_t)offset))
        return;
    out->length = 4;
    out->form = FORM_OFFSET;
    out->kind = DELTA_FIELD_OFFSET;
    out->target = sight->old_address + (uint64_t)offset;
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    int64_t offset = (int64_t)(target - field->new_address);

    (void)old;
    if (field->form == FORM_ADDRESS) {
        scan_put(out, target, field->length);
        return field->length == 8 || target <= UINT32_MAX;
    }
    scan_put(out, (uint64_t)offset, 4);
    return scan_fits(offset, 32);
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    (void)guess;
    if (field->form == FORM_OFFSET)
        return field->new_address + (uint64_t)scan_signed(scan_u32(bytes), 32);
    return field->length == 8 ? scan_u64(bytes) : scan_u32(bytes);
}

const struct delta_scanner delta_scan_data = {find, make, read};
