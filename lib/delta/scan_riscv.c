/*
 * RISC-V: JAL, and AUIPC with the instruction behind it that adds the low 12 bits: both are one
 * field; and the branches within a function, of 32 bits and of 16. Instructions begin at any
 * halfword.
 *
 * Source of the encodings: The RISC-V Instruction Set Manual, volume I, 2.5 and 16.4.
 */
#include "lib/delta/scan.h"

enum form {
    FORM_JAL,
    FORM_PAIR,
    FORM_PAIR_STORE,
    FORM_BRANCH,
    FORM_SHORT,
    FORM_SHORT_IF,
    FORM_NONE
};
enum { JAL = 0x6F, AUIPC = 0x17, JALR = 0x67, ADDI = 0x13, LOAD = 0x03, LOAD_FP = 0x07 };
enum { STORE = 0x23, STORE_FP = 0x27, BRANCH = 0x63, SHORT = 0xA001, SHORT_IF = 0xC001 };
enum { PIECES_MAX = 9 };

/* Which bits of a word are which of the way: from the word's bit `at`, `bits` of them that begin
 * with the way's bit `way`. */
struct piece {
    uint8_t at, bits, way;
};

static const struct layout {
    uint8_t bytes, way_bits; /* of the instruction; of the way, with bit 0 */
    enum delta_field_kind kind;
    struct piece pieces[PIECES_MAX];
} layouts[] = {
    /* clang-format off */
    [FORM_JAL]        = {4, 21, DELTA_FIELD_CALL,
                         {{31, 1, 20}, {12, 8, 12}, {20, 1, 11}, {21, 10, 1}}},
    [FORM_PAIR]       = {8, 32, DELTA_FIELD_DATA, {{0}}},
    [FORM_PAIR_STORE] = {8, 32, DELTA_FIELD_DATA, {{0}}},
    [FORM_BRANCH]     = {4, 13, DELTA_FIELD_NEAR,
                         {{31, 1, 12}, {7, 1, 11}, {25, 6, 5}, {8, 4, 1}}},
    [FORM_SHORT]      = {2, 12, DELTA_FIELD_NEAR,
                         {{12, 1, 11}, {11, 1, 4}, {9, 2, 8}, {8, 1, 10},
                          {7, 1, 6}, {6, 1, 7}, {3, 3, 1}, {2, 1, 5}}},
    [FORM_SHORT_IF]   = {2, 9, DELTA_FIELD_NEAR,
                         {{12, 1, 8}, {10, 2, 3}, {5, 2, 6}, {3, 2, 1}, {2, 1, 5}}},
    /* clang-format on */
};

static int64_t branch_value(uint32_t w, enum form form)
{
    const struct layout *layout = &layouts[form];
    uint32_t way = 0;

    for (const struct piece *piece = layout->pieces; piece->bits > 0; piece++)
        way |= (w >> piece->at & ((1u << piece->bits) - 1)) << piece->way;
    return scan_signed(way, layout->way_bits);
}

static uint32_t branch_word(uint32_t w, uint32_t way, enum form form)
{
    for (const struct piece *piece = layouts[form].pieces; piece->bits > 0; piece++) {
        uint32_t mask = (1u << piece->bits) - 1;

        w = (w & ~(mask << piece->at)) | (way >> piece->way & mask) << piece->at;
    }
    return w;
}

static int64_t pair_value(const uint8_t *p, enum form form)
{
    uint32_t high = scan_u32(p);
    uint32_t low = scan_u32(p + 4);
    uint32_t bits = form == FORM_PAIR ? low >> 20 : (low >> 25) << 5 | (low >> 7 & 31);

    return scan_signed(high & 0xFFFFF000, 32) + scan_signed(bits, 12);
}

static bool is_pair(const uint8_t *p)
{
    uint32_t high = scan_u32(p);
    uint32_t low = scan_u32(p + 4);
    uint32_t op = low & 0x7F;

    return (high & 0x7F) == AUIPC && (high >> 7 & 31) == (low >> 15 & 31) &&
           (op == JALR || op == ADDI || op == LOAD || op == LOAD_FP || op == STORE ||
            op == STORE_FP);
}

static enum form form_of(const uint8_t *p)
{
    uint32_t h = scan_u16(p);
    uint32_t op = h & 0x7F;
    uint32_t low = p[4] & 0x7Fu;

    if (is_pair(p))
        return low == STORE || low == STORE_FP ? FORM_PAIR_STORE : FORM_PAIR;
    if (op == JAL)
        return FORM_JAL;
    if (op == BRANCH)
        return FORM_BRANCH;
    if ((h & 0xE003) == SHORT)
        return FORM_SHORT;
    return (h & 0xC003) == SHORT_IF ? FORM_SHORT_IF : FORM_NONE;
}

static int64_t value_of(const uint8_t *p, enum form form)
{
    if (form == FORM_PAIR || form == FORM_PAIR_STORE)
        return pair_value(p, form);
    return branch_value(layouts[form].bytes == 2 ? scan_u16(p) : scan_u32(p), form);
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    enum form form = form_of(sight->old);
    uint64_t target = sight->old_address;

    if (sight->old_address % 2 != 0 || form == FORM_NONE)
        return;
    target += (uint64_t)value_of(sight->old, form);
    if (!delta_scope_has(sight->scope, target))
        return;
    *out = (struct delta_field){.length = layouts[form].bytes,
                                .kind = layouts[form].kind,
                                .form = form,
                                .target = target,
                                .old_address = sight->old_address,
                                .new_address = sight->new_address};
}

static void put_pair(const uint8_t *old, enum form form, uint32_t way, uint8_t *out)
{
    uint32_t low = way & 0xFFF;
    uint32_t second = scan_u32(old + 4);

    scan_put(out, (scan_u32(old) & 0xFFF) | ((way + 0x800) & 0xFFFFF000), 4);
    if (form == FORM_PAIR)
        second = (second & 0xFFFFF) | low << 20;
    else
        second = (second & 0x01FFF07F) | (low >> 5) << 25 | (low & 31) << 7;
    scan_put(out + 4, second, 4);
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    int64_t way = (int64_t)(target - field->new_address);
    enum form form = (enum form)field->form;

    if (field->length == 8) {
        put_pair(old, form, (uint32_t)way, out);
        return scan_fits(way, 32);
    }
    scan_put(out,
             branch_word(field->length == 2 ? scan_u16(old) : scan_u32(old), (uint32_t)way, form),
             field->length);
    return way % 2 == 0 && scan_fits(way, layouts[form].way_bits);
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    (void)guess;
    return field->new_address + (uint64_t)value_of(bytes, (enum form)field->form);
}

const struct delta_scanner delta_scan_riscv = {find, make, read};
