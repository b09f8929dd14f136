#pragma once
/*
 * The patch's body as it arrives, chunk by chunk. A chunk is compared with the hash that the
 * header or the chunk before names; only then does a byte of it reach a decoder.
 */
#include "lib/base/err.h"
#include "lib/delta/format.h"

struct delta_io;

struct delta_input {
    const struct delta_io *io;
    uint64_t left; /* bytes of the body not yet read from the callback */
    uint8_t *buf;  /* chunk_bytes, borrowed */
    size_t pos;
    size_t len;
    uint32_t chunk_bytes;
    uint8_t next_sha256[DELTA_HASH_BYTES]; /* of the chunk that comes */
};

/* Makes buf[pos..len) not empty unless the body has ended. A body that ends before its length is
 * refused (DELTA_FORMAT), a chunk that is not the one that was named, too (DELTA_FILE_HASH). */
MUST_USE bool delta_input_fill(struct delta_input *in, struct err *err);
/* True when every byte of the body was used. */
bool delta_input_ended(const struct delta_input *in);
