/*
 * RISC-V: JAL, and AUIPC with the instruction behind it that adds the low 12 bits: both are one
 * field.
 *
 * Source of the encodings: The RISC-V Instruction Set Manual, volume I, 2.5 and table 24.2.
 */
#include "lib/delta/scan.h"

enum { FORM_JAL, FORM_PAIR, FORM_PAIR_STORE };
enum { JAL = 0x6F, AUIPC = 0x17, JALR = 0x67, ADDI = 0x13, LOAD = 0x03, LOAD_FP = 0x07 };
enum { STORE = 0x23, STORE_FP = 0x27 };

static int64_t jal_value(uint32_t w)
{
    return scan_signed((w >> 31) << 20 | (w >> 12 & 0xFF) << 12 | (w >> 20 & 1) << 11 |
                           (w >> 21 & 0x3FF) << 1,
                       21);
}

static uint32_t jal_word(uint32_t w, uint32_t v)
{
    return (w & 0xFFF) | (v >> 20 & 1) << 31 | (v >> 12 & 0xFF) << 12 | (v >> 11 & 1) << 20 |
           (v >> 1 & 0x3FF) << 21;
}

static int64_t pair_value(const uint8_t *p, unsigned form)
{
    uint32_t high = scan_u32(p);
    uint32_t low = scan_u32(p + 4);
    uint32_t bits = form == FORM_PAIR ? low >> 20 : (low >> 25) << 5 | (low >> 7 & 31);

    return scan_signed(high & 0xFFFFF000, 32) + scan_signed(bits, 12);
}

static bool is_pair(const uint8_t *p, unsigned *form)
{
    uint32_t high = scan_u32(p);
    uint32_t low = scan_u32(p + 4);
    uint32_t op = low & 0x7F;

    *form = op == STORE || op == STORE_FP ? FORM_PAIR_STORE : FORM_PAIR;
    return (high & 0x7F) == AUIPC && (high >> 7 & 31) == (low >> 15 & 31) &&
           (op == JALR || op == ADDI || op == LOAD || op == LOAD_FP || *form == FORM_PAIR_STORE);
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    uint32_t w = scan_u32(sight->old);
    unsigned form = FORM_JAL;
    bool pair = is_pair(sight->old, &form);
    uint64_t target = sight->old_address;

    if (sight->old_address % 2 != 0 || (!pair && (w & 0x7F) != JAL))
        return;
    if (!pair)
        form = FORM_JAL;
    target += (uint64_t)(pair ? pair_value(sight->old, form) : jal_value(w));
    if (!delta_scope_has(sight->scope, target))
        return;
    *out = (struct delta_field){.length = pair ? 8 : 4,
                                .kind = pair ? DELTA_FIELD_DATA : DELTA_FIELD_CALL,
                                .form = form,
                                .target = target,
                                .old_address = sight->old_address,
                                .new_address = sight->new_address};
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    int64_t way = (int64_t)(target - field->new_address);
    uint32_t bits = (uint32_t)way;
    uint32_t low = bits & 0xFFF;
    uint32_t second = scan_u32(old + 4);

    if (field->form == FORM_JAL) {
        scan_put(out, jal_word(scan_u32(old), bits), 4);
        return way % 2 == 0 && scan_fits(way, 21);
    }
    scan_put(out, (scan_u32(old) & 0xFFF) | ((bits + 0x800) & 0xFFFFF000), 4);
    if (field->form == FORM_PAIR)
        second = (second & 0xFFFFF) | low << 20;
    else
        second = (second & 0x01FFF07F) | (low >> 5) << 25 | (low & 31) << 7;
    scan_put(out + 4, second, 4);
    return scan_fits(way, 32);
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    (void)guess;
    if (field->form == FORM_JAL)
        return field->new_address + (uint64_t)jal_value(scan_u32(bytes));
    return field->new_address + (uint64_t)pair_value(bytes, field->form);
}

const struct delta_scanner delta_scan_riscv = {find, make, read};
