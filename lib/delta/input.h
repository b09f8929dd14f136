#pragma once
/*
 * The patch's body as it arrives, frame by frame. A frame is compared with the hash that the
 * header or the frame before names; only then does a byte of it reach a decoder. A group ends
 * with a frame, and delta_input_fill() stops there: what reads a group cannot run into the next.
 */
#include "lib/base/err.h"
#include "lib/delta/format.h"

struct delta_io;

/* Which frame comes: what a restart needs to know. */
struct delta_frame {
    uint64_t offset; /* in the body */
    uint32_t bytes;  /* 0: there is none */
    uint8_t sha256[DELTA_HASH_BYTES];
};

struct delta_input {
    const struct delta_io *io;
    uint64_t body_length;
    uint32_t frame_bytes_max;
    struct delta_frame next;
    bool at_group_end; /* the frame in the buffer is its group's last, or none was read yet */
    uint8_t *buf;      /* frame_bytes_max, borrowed */
    size_t pos;
    size_t len;
};

void delta_input_init(struct delta_input *in, const struct delta_io *io,
                      const struct delta_header *header, uint8_t *buf);
/* Goes on at the group that begins with this frame; refuses what lies outside the body. */
MUST_USE bool delta_input_go(struct delta_input *in, const struct delta_frame *frame,
                             struct err *err);
/* Reads the first frame of the next group; refuses a group that was not read to its end
 * (DELTA_FORMAT), as delta_input_fill() does when there is no other. */
MUST_USE bool delta_input_next_group(struct delta_input *in, struct err *err);
/* Makes buf[pos..len) not empty unless the group has ended. A body that ends before its length is
 * refused (DELTA_FORMAT), a frame that is not the one that was named, too (DELTA_FILE_HASH). */
MUST_USE bool delta_input_fill(struct delta_input *in, struct err *err);
/* True when every byte of the group was used. */
bool delta_input_group_ended(const struct delta_input *in);
/* True when that was the last one, too. */
bool delta_input_ended(const struct delta_input *in);
/* One byte; a group that has ended is refused. */
MUST_USE bool delta_input_byte(struct delta_input *in, uint8_t *out, struct err *err);
MUST_USE bool delta_input_varint(struct delta_input *in, uint64_t *out, struct err *err);
MUST_USE bool delta_input_bytes(struct delta_input *in, uint8_t *out, size_t len, struct err *err);
