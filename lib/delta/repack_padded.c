/*
 * The end of a file whose last block is filled with zeros: packing adds the zeros, unpacking drops
 * them, so that the file is in one piece with what comes before and behind it.
 */
#include <string.h>

#include "lib/delta/repack.h"

enum { BLOCK_BYTES_MAX = 1 << 20 };

struct padded {
    uint64_t bytes;   /* to pass on */
    uint64_t padding; /* zeros behind them */
    bool packs;
};

static bool takes(const struct delta_packing *packing)
{
    return packing->level == 0 && packing->window_log2 == 0 && packing->flags == 0 &&
           packing->dictionary > 0 && packing->dictionary <= BLOCK_BYTES_MAX;
}

static uint64_t memory_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    if (unpacked_len > packing->dictionary)
        return UINT64_MAX;
    return delta_space_of(sizeof(struct padded));
}

static bool open_padded(const struct delta_packing *packing, uint64_t unpacked_len, bool packs,
                        struct delta_space *space, void **out)
{
    struct padded *padded = delta_space_take(space, sizeof(*padded));

    ASSERT(padded && unpacked_len <= packing->dictionary);
    *padded = (struct padded){unpacked_len, packing->dictionary - unpacked_len, packs};
    *out = padded;
    return true;
}

static bool unpack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    (void)err;
    return open_padded(packing, unpacked_len, false, space, out);
}

static bool pack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    (void)err;
    return open_padded(packing, unpacked_len, true, space, out);
}

static size_t least(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t least = a < b ? a : b;

    return (size_t)(least < c ? least : c);
}

static void pass(struct padded *padded, struct delta_flow *flow)
{
    size_t len = least(padded->bytes, flow->in_len, flow->room);

    if (len > 0)
        memcpy(flow->out, flow->in, len);
    flow->in += len;
    flow->in_len -= len;
    flow->out += len;
    flow->room -= len;
    padded->bytes -= len;
}

static bool step(void *self, struct delta_flow *flow, struct err *err)
{
    struct padded *padded = self;
    size_t len;

    pass(padded, flow);
    if (padded->bytes > 0 && flow->ending && flow->in_len == 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is shorter than it says");
    if (padded->bytes == 0 && padded->packs) {
        len = least(padded->padding, flow->room, UINT64_MAX);
        if (len > 0)
            memset(flow->out, 0, len);
        flow->out += len;
        flow->room -= len;
        padded->padding -= len;
    } else if (padded->bytes == 0) {
        len = least(padded->padding, flow->in_len, UINT64_MAX);
        flow->in += len;
        flow->in_len -= len;
        padded->padding -= len;
    }
    flow->done = padded->bytes == 0 && padded->padding == 0;
    return true;
}

extern const struct delta_repack_ops delta_repack_padded;

const struct delta_repack_ops delta_repack_padded = {
    "padded", takes, memory_bytes, memory_bytes, unpack_open, pack_open, step};
