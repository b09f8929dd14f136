#pragma once
/*
 * The build id of an ELF file, read by ourselves, because it decides what a file is for before
 * anything else looks into it. Little-endian, 32 and 64 bit. Pure but for the reader.
 */
#include <stddef.h>

#include "lib/base/err.h"

enum { BUILD_ID_BYTES_MAX = 64, BUILD_ID_BYTES_MIN = 4 };

struct build_id {
    uint8_t bytes[BUILD_ID_BYTES_MAX];
    size_t len;
};

/* Reads exactly `len` bytes at `offset`; false when the file has not that many there. */
typedef bool build_id_read_fn(void *arg, uint64_t offset, void *out, size_t len);

/* ERR_INVALID: no ELF file, a damaged one, or one without a build id. */
MUST_USE bool build_id_find(build_id_read_fn *read, void *arg, struct build_id *out,
                            struct err *err);
