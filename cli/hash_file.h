#pragma once
/* Length and SHA-256 of a file of any size, read in pieces, with a bar when `progress_out` is a
 * terminal. ERR_INVALID for what is not a regular file or changes while it is read. */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/crypto/hash.h"

MUST_USE bool hash_file(const char *path, FILE *progress_out, uint64_t *length,
                        uint8_t sha256[HASH_BYTES], struct err *err);
/* The part of the path behind its last '/'. */
const char *hash_file_name(const char *path);
