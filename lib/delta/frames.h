#pragma once
/*
 * Groups to frames: the body's chain, built from its end. For generators, not for devices.
 */
#include "lib/base/buf.h"
#include "lib/delta/format.h"

/* `ends[i]` is where group i ends in `payload`. Sets the header's lengths, largest frame and first
 * hash as far as they follow from the body, and appends header and body to `out`. No frame is
 * larger than `frame_bytes`. */
void delta_frames_write(const struct buf *payload, const size_t *ends, size_t groups,
                        uint32_t frame_bytes, struct delta_header *header, struct buf *out);
