#pragma once
/*
 * A large flat array that was never a file: in memory up to a limit, else in a temporary file
 * without a name that the kernel pages in and out.
 */
#include "deltagen/image.h"

#define AUTO_FLAT CLEANUP(flat_close) struct flat

struct flat {
    uint8_t *data; /* zeroed; never NULL once open */
    uint64_t len;
};

/* `memory_bytes`: the largest that is not put into a file. */
MUST_USE bool flat_open(uint64_t len, uint64_t memory_bytes, struct flat *out, struct err *err);
void flat_close(struct flat *flat);
