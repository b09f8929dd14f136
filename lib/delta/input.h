#pragma once
/*
 * The patch's body as it arrives: a small buffer in front of the read_patch callback that knows
 * how many bytes are still to come.
 */
#include "lib/base/err.h"

struct delta_io;

struct delta_input {
    const struct delta_io *io;
    uint64_t left; /* bytes of the body not yet read from the callback */
    uint8_t *buf;  /* DELTA_INPUT_BYTES, borrowed */
    size_t pos;
    size_t len;
};

enum { DELTA_INPUT_BYTES = 16 << 10 };

/* Makes buf[pos..len) not empty unless the body has ended. A patch that ends before its body
 * does is refused. */
MUST_USE bool delta_input_fill(struct delta_input *in, struct err *err);
/* True when every byte of the body was used. */
bool delta_input_ended(const struct delta_input *in);
