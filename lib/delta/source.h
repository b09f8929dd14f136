#pragma once
/*
 * The old space: reads through the levels of its layout down to the image. A packed item is
 * unpacked from its beginning, in portions, as far as somebody reads; the last bytes that came out
 * stay, and whoever wants earlier ones has it unpacked anew. Of an item that is longer than what
 * stays, the unpacker's state is kept at places spread over it, as many as there is memory for,
 * and with two unpackers one can look elsewhere while the other stays where it was.
 *
 * A patch that jumps about could have the device unpack for ever: all in all no more is unpacked
 * than DELTA_SOURCE_WORK times both spaces (DELTA_LIMIT).
 */
#include "lib/delta/layout.h"

struct delta_io;
struct delta_source;

enum { DELTA_SOURCE_WORK = 256, DELTA_SOURCE_STATES_MAX = 64 };

/* Memory for a layout, each level with `slots` unpackers at once (1 or 2) and `states` kept of
 * each where items are long: what the header says as unpack_bytes. UINT64_MAX: an item cannot be
 * unpacked by this applier. */
uint64_t delta_source_bytes(const struct delta_layout *layout, unsigned slots, unsigned states);
/* Is an item longer than what stays of it? */
bool delta_source_is_long(const struct delta_layout *layout);
/* Takes header->unpack_bytes from the space; the layout is borrowed. DELTA_LIMIT when that is not
 * enough for it. */
MUST_USE bool delta_source_open(const struct delta_header *header,
                                const struct delta_layout *layout, const struct delta_io *io,
                                struct delta_space *space, struct delta_source **out,
                                struct err *err);
/* Every item is unpacked anew when it is read next: what was read of it may be gone by then. */
void delta_source_forget(struct delta_source *source);
/* Bytes that lie within the old space. An old image that is not the one that was meant is refused
 * as DELTA_BASE where it does not unpack. */
MUST_USE bool delta_source_read(struct delta_source *source, uint64_t at, uint8_t *out, size_t len,
                                struct err *err);
