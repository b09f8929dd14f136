/* Bytes as they are. */
#include <string.h>

#include "lib/delta/codec.h"

static uint64_t stored_memory(unsigned log2)
{
    (void)log2;
    return 0;
}

static bool stored_open(unsigned log2, struct delta_space *space, void **out, struct err *err)
{
    (void)log2;
    (void)space;
    (void)err;
    *out = NULL;
    return true;
}

static bool stored_some(void *self, struct delta_input *in, uint8_t *out, size_t room, size_t *got,
                        struct err *err)
{
    size_t here = in->len - in->pos;

    (void)self;
    (void)err;
    *got = here < room ? here : room;
    if (*got > 0)
        memcpy(out, in->buf + in->pos, *got);
    in->pos += *got;
    return true;
}

const struct delta_unpack_ops delta_unpack_stored = {stored_memory, stored_open, stored_some};
