/*
 * x86-64 and x86: displacements behind CALL, JMP and Jcc, of 32 bits or 8, and those of 32 bits
 * behind a ModRM byte that says "relative to the next instruction". Instructions begin anywhere, so
 * what looks like one is believed when its target is an address of the scope.
 *
 * Source of the opcodes: Intel's manual, volume 2, appendix A.
 */
#include "lib/delta/scan.h"

enum { NONE, PLAIN, IMMEDIATE_1, IMMEDIATE_4, GROUP_3_1, GROUP_3_4 };

/* Opcodes, of one byte or behind 0F, that a ModRM byte follows, by what follows that. */
/* clang-format off */
static const uint8_t modrm[256] = {
    [0x01] = PLAIN, [0x03] = PLAIN, [0x08] = PLAIN, [0x09] = PLAIN, [0x0A] = PLAIN, [0x0B] = PLAIN,
    [0x10] = PLAIN, [0x11] = PLAIN, [0x12] = PLAIN, [0x13] = PLAIN, [0x14] = PLAIN, [0x16] = PLAIN,
    [0x21] = PLAIN, [0x22] = PLAIN, [0x23] = PLAIN, [0x28] = PLAIN, [0x29] = PLAIN, [0x2A] = PLAIN,
    [0x2B] = PLAIN, [0x2E] = PLAIN, [0x2F] = PLAIN, [0x31] = PLAIN, [0x33] = PLAIN, [0x38] = PLAIN,
    [0x39] = PLAIN, [0x3A] = PLAIN, [0x3B] = PLAIN, [0x50] = PLAIN, [0x51] = PLAIN, [0x54] = PLAIN,
    [0x55] = PLAIN, [0x57] = PLAIN, [0x58] = PLAIN, [0x59] = PLAIN, [0x5A] = PLAIN, [0x5C] = PLAIN,
    [0x5D] = PLAIN, [0x5E] = PLAIN, [0x5F] = PLAIN, [0x60] = PLAIN, [0x61] = PLAIN, [0x62] = PLAIN,
    [0x63] = PLAIN, [0x69] = IMMEDIATE_4, [0x6B] = IMMEDIATE_1, [0x6C] = PLAIN, [0x6E] = PLAIN,
    [0x6F] = PLAIN, [0x70] = IMMEDIATE_1, [0x7E] = PLAIN, [0x7F] = PLAIN,
    [0x80] = IMMEDIATE_1, [0x81] = IMMEDIATE_4, [0x83] = IMMEDIATE_1, [0x84] = PLAIN,
    [0x85] = PLAIN, [0x86] = PLAIN, [0x87] = PLAIN, [0x88] = PLAIN, [0x89] = PLAIN, [0x8A] = PLAIN,
    [0x8B] = PLAIN, [0x8D] = PLAIN, [0xA3] = PLAIN, [0xAB] = PLAIN, [0xAF] = PLAIN, [0xB0] = PLAIN,
    [0xB1] = PLAIN, [0xB6] = PLAIN, [0xB7] = PLAIN, [0xBA] = IMMEDIATE_1, [0xBE] = PLAIN,
    [0xBF] = PLAIN, [0xC0] = PLAIN, [0xC1] = PLAIN, [0xC6] = IMMEDIATE_1, [0xC7] = IMMEDIATE_4,
    [0xD0] = PLAIN, [0xD1] = PLAIN, [0xD4] = PLAIN, [0xD6] = PLAIN, [0xD9] = PLAIN, [0xDB] = PLAIN,
    [0xDD] = PLAIN, [0xDF] = PLAIN, [0xE7] = PLAIN, [0xEB] = PLAIN, [0xEF] = PLAIN,
    [0xF6] = GROUP_3_1, [0xF7] = GROUP_3_4, [0xFA] = PLAIN, [0xFB] = PLAIN, [0xFE] = PLAIN,
    [0xFF] = PLAIN,
};
/* clang-format on */

/* Bytes between the displacement and the next instruction. */
static unsigned immediate(const uint8_t *old)
{
    switch (modrm[old[-2]]) {
    case IMMEDIATE_1:
        return 1;
    case IMMEDIATE_4:
        return old[-3] == 0x66 ? 2 : 4;
    case GROUP_3_1: /* only TEST has one */
        return (old[-1] & 0x38) == 0;
    case GROUP_3_4:
        return (old[-1] & 0x38) == 0 ? 4 : 0;
    default:
        return 0;
    }
}

static int64_t value_of(const uint8_t *bytes, unsigned length)
{
    return length == 1 ? scan_signed(bytes[0], 8) : scan_signed(scan_u32(bytes), 32);
}

static void find(const struct delta_sight *sight, struct delta_field *out)
{
    const uint8_t *old = sight->old;
    unsigned behind = 0;
    unsigned length = 4;
    enum delta_field_kind kind = DELTA_FIELD_CALL;
    uint64_t target;

    if ((old[-1] & 0xC7) == 0x05 && modrm[old[-2]] && sight->scope->arch == DELTA_ARCH_X86_64) {
        kind = DELTA_FIELD_DATA;
        behind = immediate(old);
    } else if ((old[-1] & 0xF0) == 0x70 || old[-1] == 0xEB) {
        kind = DELTA_FIELD_NEAR;
        length = 1;
    } else if (old[-1] != 0xE8 && old[-1] != 0xE9 &&
               !((old[-1] & 0xF0) == 0x80 && old[-2] == 0x0F)) {
        return;
    }
    target = sight->old_address + length + behind + (uint64_t)value_of(old, length);
    if (!delta_scope_has(sight->scope, target))
        return;
    *out = (struct delta_field){.length = length,
                                .kind = kind,
                                .form = length + behind,
                                .target = target,
                                .old_address = sight->old_address,
                                .new_address = sight->new_address};
}

static bool make(const struct delta_field *field, const uint8_t *old, uint64_t target, uint8_t *out)
{
    int64_t value = (int64_t)(target - field->new_address - field->form);

    (void)old;
    scan_put(out, (uint64_t)value, field->length);
    return scan_fits(value, field->length == 1 ? 8 : 32);
}

static uint64_t read(const struct delta_field *field, const uint8_t *bytes, uint64_t guess)
{
    (void)guess;
    return field->new_address + field->form + (uint64_t)value_of(bytes, field->length);
}

const struct delta_scanner delta_scan_x86 = {find, make, read};
