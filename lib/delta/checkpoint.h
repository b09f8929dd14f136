#pragma once
/*
 * A checkpoint: 64 bytes from which an interrupted installation goes on. It names the first frame
 * of a group, so nothing else than that patch is accepted behind it; a torn record is noticed.
 *
 *   offset  size
 *        0     4  CRC-32C of the rest
 *        4     2  version, 1
 *        6     4  bytes of the frame
 *       10     4  blocks of the new image that are verified; they are not written again
 *       14     6  where the frame begins in the body
 *       20     6  bytes of the new space made before the group
 *       26     6  bytes of the new image made before the group
 *       32    32  SHA-256 of the frame
 */
#include "lib/base/err.h"
#include "lib/delta/input.h"

enum { DELTA_CHECKPOINT_BYTES = 64 };

struct delta_checkpoint {
    struct delta_frame frame;
    uint64_t new_space_at; /* new space made before this group */
    uint64_t image_at;     /* and bytes of the new image */
    uint32_t verified;
};

void delta_checkpoint_format(const struct delta_checkpoint *checkpoint,
                             uint8_t out[DELTA_CHECKPOINT_BYTES]);
/* Refuses (DELTA_FORMAT) what format did not write. */
MUST_USE bool delta_checkpoint_read(const uint8_t record[DELTA_CHECKPOINT_BYTES],
                                    struct delta_checkpoint *out, struct err *err);
