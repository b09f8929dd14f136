#pragma once
/*
 * From a file to a slot: a whole image as it is, or a patch against the image in the other slot.
 * The slot is synced, then read back from the medium and compared with the signed hash; only
 * then does a call return true. Blocks.
 *
 * A patch that was interrupted goes on where its last checkpoint says, see progress.h.
 *
 * Refusals: SPACE (the slot is too small), SLOT_WRITE, INSTALL_READBACK, and lib/delta's for a
 * patch.
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
/* What a patch is for, and which patch it is. */
struct apply_patch {
    uint64_t old_length; /* the old image is the first bytes of the other slot */
    const uint8_t *old_sha256;
    const uint8_t
        *header_sha256;        /* as the director signed it; NULL: the file's hash was compared */
    const char *progress_path; /* of the file that says how far it was applied */
};
MUST_USE bool apply_patch(const struct slots *slots, const char *file,
                          const struct apply_patch *from, const struct apply_target *target,
                          struct err *err);
