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

/* Does a program begin here, and which? */
bool elf_read(const uint8_t *data, uint64_t len, struct program *out);
