#pragma once
/*
 * The two slots as files or block devices: how big they are, what their first bytes hash to,
 * and copying bytes into one. All of it blocks; a slot is read in steps of COPY_BYTES.
 */
#include "device-client/boot/boot.h"
#include "lib/crypto/hash.h"

struct slots {
    char *paths[SLOT_COUNT]; /* owned */
};

void slots_init(struct slots *slots, const char *path_a, const char *path_b);
void slots_done(struct slots *slots);

/* Of the file or the device. */
MUST_USE bool slots_size(const struct slots *slots, enum slot slot, uint64_t *out_bytes,
                         struct err *err);
/* The descriptor is the caller's. */
MUST_USE bool slots_open(const struct slots *slots, enum slot slot, int flags, int *out_fd,
                         struct err *err);
/* SHA-256 of the first `length` bytes, read from the medium: what the page cache holds is
 * dropped first. ERR_INVALID when the slot is shorter. */
MUST_USE bool slots_hash(const struct slots *slots, enum slot slot, uint64_t length,
                         uint8_t out[HASH_BYTES], struct err *err);
/* The hashes of several prefixes in one pass; `lengths` rise. */
MUST_USE bool slots_hash_prefixes(const struct slots *slots, enum slot slot,
                                  const uint64_t *lengths, size_t count, uint8_t (*out)[HASH_BYTES],
                                  struct err *err);
