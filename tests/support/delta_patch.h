#pragma once
/*
 * Patches made by hand, for tests of the applier: a header and the code of its groups.
 */
#include "lib/base/buf.h"
#include "lib/delta/format.h"

struct delta_patch_group {
    uint64_t space_bytes; /* of the new space */
    uint64_t image_from, image_end;
    const uint8_t *code;
    size_t code_len;
};

/* Sets what follows from the code and from `want`, the new image, and appends the patch. */
void delta_patch_write(struct delta_header *header, const uint8_t *want,
                       const struct delta_patch_group *groups, size_t count, struct buf *out);
