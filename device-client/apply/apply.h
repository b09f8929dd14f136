#pragma once
/*
 * From a file to a slot: a whole image as it is, or a patch against the image in the other slot.
 * The slot is synced, then read back from the medium and compared with the signed hash; only
 * then does a call return true. Blocks.
 *
 * Refusals: SPACE (the slot is too small), SLOT_WRITE, READBACK, and lib/delta's for a patch.
 */
#include "device-client/slots/slots.h"

struct apply_target {
    enum slot slot;
    uint64_t length;
    uint8_t sha256[HASH_BYTES];
};

/* Before anything is downloaded: would it fit? */
MUST_USE bool apply_fits(const struct slots *slots, const struct apply_target *target,
                         struct err *err);
MUST_USE bool apply_image(const struct slots *slots, const char *file,
                          const struct apply_target *target, struct err *err);
/* The old image is the first `old_length` bytes of the other slot. */
MUST_USE bool apply_patch(const struct slots *slots, const char *file, uint64_t old_length,
                          const uint8_t old_sha256[HASH_BYTES], const struct apply_target *target,
                          struct err *err);
