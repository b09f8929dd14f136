#pragma once
/*
 * Operations to patch files. What is written here is read by lib/delta, and by nothing else.
 */
#include "deltagen/plan.h"

struct encode_options {
    enum delta_codec codec;
    /* The most memory that the applier may need; the codec's size follows from it. */
    uint64_t memory_bytes;
};

/* Appends a whole patch file, header first; header->codec and what follows from it are chosen
 * here, lengths and hashes are the caller's. ERR_LIMIT when the memory is too small for the
 * codec. */
MUST_USE bool encode_patch(const struct plan *plan, const struct encode_options *options,
                           struct delta_header *header, struct buf *out, struct err *err);
