#pragma once
/*
 * The code of a few CPUs, as far as it takes to tell one from another and to find the bits of an
 * instruction that are an address.
 */
#include "lib/base/base.h"

enum code {
    CODE_NONE,
    CODE_X86,
    CODE_ARM,
    CODE_ARM64,
    CODE_THUMB,
    CODE_RISCV,
    CODE_COUNT,
};

/* How far in front of a byte its instruction, or the one it is read with, may begin. */
enum { CODE_REACH = 16 };

/* What prevails in these bytes of an image; they begin at a multiple of 4. */
enum code code_kind(const uint8_t *data, size_t len);
/* Bytes of an image: some to look at, and those among them that are meant. */
struct code_bytes {
    const uint8_t *data;
    size_t len;
    uint64_t at; /* place of data[0] in the image, for alignment */
    size_t from, to;
};

/* Clears the address bits in `out`, which holds data[from, to), as if all were of this kind. */
void code_hide(enum code kind, const struct code_bytes *in, uint8_t *out);
