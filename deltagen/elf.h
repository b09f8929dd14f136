#pragma once
/*
 * Programs and libraries: which bytes of the file run at which addresses. ELF of 32 and 64 bits,
 * little-endian, as the System V ABI describes it; hostile files yield fewer segments, or none.
 */
#include "lib/delta/scope.h"

struct program {
    enum delta_arch arch;
    unsigned word;
    uint64_t length; /* of the file, as far as its header tells; at most what was given */
    struct delta_segment segments[DELTA_SEGMENTS_MAX];
    unsigned count;
};

/* Kernels run at the highest addresses. What lies further from 0, in either direction, a scope does
 * not say: two such segments could be further apart than one of its numbers (2^62) can tell. */
static inline bool elf_is_sayable(uint64_t address)
{
    return address < UINT64_C(1) << 59 || address > -(UINT64_C(1) << 59);
}

/* Does a program begin here, and which? */
bool elf_read(const uint8_t *data, uint64_t len, struct program *out);
