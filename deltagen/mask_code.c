/*
 * x86 has its addresses anywhere: a displacement is believed in when its high byte says "less
 * than 16 MiB away". The others have words, aligned to 4 or 2 bytes.
 */
#include "deltagen/mask_code.h"

#include <string.h>

enum { X86_CALL = 1, X86_JUMP = 2, X86_MODRM = 4 };

/* clang-format off */
static const uint8_t x86_classes[256] = {
    [0xE8] = X86_CALL, [0xE9] = X86_CALL, [0x0F] = X86_JUMP,
    [0x8B] = X86_MODRM, [0x8D] = X86_MODRM, [0x89] = X86_MODRM, [0x88] = X86_MODRM,
    [0x8A] = X86_MODRM, [0x3B] = X86_MODRM, [0x39] = X86_MODRM, [0x63] = X86_MODRM,
    [0x03] = X86_MODRM, [0x01] = X86_MODRM, [0x2B] = X86_MODRM, [0x29] = X86_MODRM,
    [0x33] = X86_MODRM, [0x23] = X86_MODRM, [0x0B] = X86_MODRM, [0x85] = X86_MODRM,
    [0x84] = X86_MODRM, [0x87] = X86_MODRM, [0x38] = X86_MODRM, [0x3A] = X86_MODRM,
    [0xC7] = X86_MODRM, [0xC6] = X86_MODRM, [0x80] = X86_MODRM, [0x81] = X86_MODRM,
    [0x83] = X86_MODRM, [0xF6] = X86_MODRM, [0xF7] = X86_MODRM, [0xFE] = X86_MODRM,
    [0xFF] = X86_MODRM, [0xB6] = X86_MODRM, [0xB7] = X86_MODRM, [0xBE] = X86_MODRM,
    [0xBF] = X86_MODRM, [0x10] = X86_MODRM, [0x11] = X86_MODRM, [0x12] = X86_MODRM,
    [0x16] = X86_MODRM, [0x28] = X86_MODRM, [0x2E] = X86_MODRM, [0x2F] = X86_MODRM,
    [0x54] = X86_MODRM, [0x57] = X86_MODRM, [0x58] = X86_MODRM, [0x59] = X86_MODRM,
    [0x5C] = X86_MODRM, [0x5E] = X86_MODRM, [0x6F] = X86_MODRM, [0x7F] = X86_MODRM,
    [0x6E] = X86_MODRM, [0x7E] = X86_MODRM, [0xD6] = X86_MODRM, [0xB1] = X86_MODRM,
};
/* clang-format on */

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t half(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

/* --- x86 ---------------------------------------------------------------------------------------
 */

/* Where the displacement of the instruction at `p` begins, or 0. There are 6 bytes at `p`. */
static size_t x86_field(const uint8_t *p)
{
    size_t start = 0;

    switch (x86_classes[p[0]]) {
    case X86_CALL:
        start = 1;
        break;
    case X86_JUMP:
        start = (p[1] & 0xF0) == 0x80 ? 2 : 0;
        break;
    case X86_MODRM:
        start = (p[1] & 0xC7) == 0x05 ? 2 : 0;
        break;
    default:
        break;
    }
    return start && (p[start + 3] == 0 || p[start + 3] == 0xFF) ? start : 0;
}

static void x86_hide(const struct code_bytes *in, uint8_t *out)
{
    size_t last = in->len < 6 ? 0 : in->len - 5; /* behind the last that can have a field */
    size_t end = in->to < last ? in->to : last;

    for (size_t at = in->from > 5 ? in->from - 5 : 0; at < end; at++) {
        const uint8_t *p = in->data + at;
        size_t start = x86_classes[p[0]] ? x86_field(p) : 0;

        if (!start)
            continue;
        for (size_t i = at + start; i < at + start + 4; i++)
            if (i >= in->from && i < in->to)
                out[i - in->from] = 0;
    }
}

/* --- words -------------------------------------------------------------------------------------
 */

/* Each says which bits of the word at `at` to keep; `at` is aligned. */
static uint32_t arm_keep(const uint8_t *data, size_t at)
{
    uint32_t w = word(data + at);

    return (w & 0x0E000000) == 0x0A000000 && w >> 28 != 0xF ? 0xFF000000 : UINT32_MAX;
}

static uint32_t arm64_keep(const uint8_t *data, size_t at)
{
    uint32_t w = word(data + at);
    bool adds = (w & 0xFF800000) == 0x91000000;
    bool loads = (w & 0x3B000000) == 0x39000000;

    if ((w & 0x7C000000) == 0x14000000) /* B, BL */
        return 0xFC000000;
    if ((w & 0x1F000000) == 0x10000000) /* ADR, ADRP */
        return 0x9F00001F;
    if (!adds && !loads)
        return UINT32_MAX;
    /* The low half of an address whose page one of the last words made. */
    for (size_t back = 4; back <= CODE_REACH - 4 && back <= at; back += 4) {
        uint32_t before = word(data + at - back);

        if ((before & 0x9F000000) == 0x90000000 && (before & 31) == (w >> 5 & 31))
            return 0xFFC003FF;
    }
    return UINT32_MAX;
}

static uint32_t thumb_keep(const uint8_t *data, size_t at)
{
    uint32_t w = word(data + at);

    /* BL, BLX and B.W: 11110... then 1x.x... in halfwords */
    return (w & 0xF800) == 0xF000 && (w & 0x90000000) == 0x90000000 ? 0xD000F800 : UINT32_MAX;
}

static uint32_t riscv_keep(const uint8_t *data, size_t at)
{
    uint32_t w = word(data + at);
    uint32_t op = w & 0x7F;
    uint32_t before = at >= 4 ? word(data + at - 4) : 0;

    if (op == 0x6F || op == 0x17) /* JAL, AUIPC */
        return 0xFFF;
    if ((before & 0x7F) != 0x17 || (before >> 7 & 31) != (w >> 15 & 31))
        return UINT32_MAX;
    if (op == 0x13 || op == 0x03 || op == 0x67 || op == 0x07)
        return 0x000FFFFF;
    return op == 0x23 || op == 0x27 ? 0x01FFF07F : UINT32_MAX;
}

static void words_hide(uint32_t (*keep)(const uint8_t *, size_t), size_t step,
                       const struct code_bytes *in, uint8_t *out)
{
    size_t at = in->from > 3 ? in->from - 3 : 0;

    at += (step - (size_t)((in->at + at) % step)) % step;
    for (; at < in->to && at + 4 <= in->len; at += step) {
        uint32_t kept = keep(in->data, at);

        if (kept == UINT32_MAX)
            continue;
        for (size_t i = 0; i < 4; i++)
            if (at + i >= in->from && at + i < in->to)
                out[at + i - in->from] &= (uint8_t)(kept >> 8 * i);
    }
}

void code_hide(enum code kind, const struct code_bytes *in, uint8_t *out)
{
    switch (kind) {
    case CODE_X86:
        x86_hide(in, out);
        return;
    case CODE_ARM:
        words_hide(arm_keep, 4, in, out);
        return;
    case CODE_ARM64:
        words_hide(arm64_keep, 4, in, out);
        return;
    case CODE_THUMB:
        words_hide(thumb_keep, 2, in, out);
        return;
    case CODE_RISCV:
        words_hide(riscv_keep, 2, in, out);
        return;
    case CODE_NONE:
    case CODE_COUNT:
        return;
    }
}

/* --- which CPU ---------------------------------------------------------------------------------
 */

enum { SLICE = 1 << 10, SLICE_STEP = 1 << 12, SLICES_ENOUGH = 8 };

struct census {
    size_t words, halves;
    size_t arm, arm64;               /* words that look like it, */
    size_t arm_slices, arm64_slices; /* and slices full of them */
    size_t slices;
    size_t thumb_calls, thumb_frames;
    size_t riscv_returns, riscv_calls;
    size_t x86_fields;
};

static bool looks_like_arm64(uint32_t w)
{
    static const uint8_t tops[] = {0x94, 0x97, 0x91, 0xF9, 0xB9, 0xD1, 0xA9, 0xAA, 0x52, 0x54,
                                   0x90, 0xB0, 0xD0, 0xF0, 0xB4, 0xB5, 0x34, 0x35, 0x2A, 0xD6};

    return memchr(tops, (int)(w >> 24), sizeof(tops)) != NULL;
}

static bool is_arm64(size_t count, size_t words)
{
    return count * 100 > words * 45;
}

static bool is_arm(size_t count, size_t words)
{
    return count * 100 > words * 60;
}

static void count_words(const uint8_t *data, size_t len, struct census *census)
{
    size_t arm = 0;
    size_t arm64 = 0;

    for (size_t at = 0; at + 4 <= len; at += 4) {
        uint32_t w = word(data + at);

        arm += w >> 28 == 0xE;
        arm64 += looks_like_arm64(w);
    }
    census->words += len / 4;
    census->arm += arm;
    census->arm64 += arm64;
    census->slices++;
    census->arm_slices += is_arm(arm, len / 4);
    census->arm64_slices += is_arm64(arm64, len / 4);
}

static void count_halves(const uint8_t *data, size_t len, struct census *census)
{
    for (size_t at = 0; at + 4 <= len; at += 2) {
        uint32_t h = half(data + at);
        uint32_t w = word(data + at);

        census->halves++;
        census->thumb_calls += (w & 0xF800) == 0xF000 && (w & 0xD0000000) == 0xD0000000;
        census->thumb_frames += (h & 0xFF00) == 0xB500 || (h & 0xFF00) == 0xBD00 || h == 0x4770;
        census->riscv_returns += h == 0x8082;
        census->riscv_calls += (w & 0xFFF) == 0x097 || (w & 0xFFF) == 0x0EF;
    }
}

static void count_bytes(const uint8_t *data, size_t len, struct census *census)
{
    for (size_t at = 0; at + 6 <= len; at++)
        census->x86_fields += x86_classes[data[at]] && x86_field(data + at);
}

static void count_slice(const uint8_t *data, size_t len, struct census *census)
{
    count_words(data, len, census);
    count_halves(data, len, census);
    count_bytes(data, len, census);
}

/* A few slices tell as much as all of it. */
enum code code_kind(const uint8_t *data, size_t len)
{
    struct census census = {0};
    size_t bytes = 0;

    for (size_t at = 0; at < len; at += SLICE_STEP) {
        size_t slice = len - at < SLICE ? len - at : SLICE;

        count_slice(data + at, slice, &census);
        bytes += slice;
    }
    if (is_arm64(census.arm64, census.words))
        return CODE_ARM64;
    if (is_arm(census.arm, census.words))
        return CODE_ARM;
    if (census.x86_fields * 1000 > bytes * 6)
        return CODE_X86;
    if (census.riscv_returns * 1000 > census.halves * 3 &&
        census.riscv_calls * 1000 > census.halves * 8)
        return CODE_RISCV;
    if (census.thumb_calls * 1000 > census.halves * 18 &&
        census.thumb_frames * 1000 > census.halves * 15)
        return CODE_THUMB;
    /* Images have data as well: such words fill a slice of nothing else. */
    if (census.arm64_slices * SLICES_ENOUGH > census.slices)
        return CODE_ARM64;
    return census.arm_slices * SLICES_ENOUGH > census.slices ? CODE_ARM : CODE_NONE;
}
