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
/*
 * Clears the address bits in `out`, which holds data[from, to), as if all of data[0, len) were of
 * this kind. `at` is the place of data[0] in the image, for alignment.
 */
void code_hide(enum code kind, const uint8_t *data, size_t len, uint64_t at, size_t from, size_t to,
               uint8_t *out);
