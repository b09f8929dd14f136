/*
 * Every way of packing: 1 byte chooses one and its level, the rest is unpacked as it is, and packed
 * and unpacked again, in the memory that was said and no more.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/delta/repack.h"

enum { OUT_MAX = 1 << 16, STEPS_MAX = 1 << 20, LENGTH_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct delta_packing packings[] = {
    {DELTA_METHOD_DEFLATE, 6, 15, 8, 0},  {DELTA_METHOD_DEFLATE, 1, 9, 1, 0},
    {DELTA_METHOD_ZLIB, 9, 15, 8, 0},     {DELTA_METHOD_GNU_GZIP, 1, 0, 0, 0},
    {DELTA_METHOD_GNU_GZIP, 6, 0, 0, 0},  {DELTA_METHOD_GNU_GZIP, 9, 0, 0, 0},
    {DELTA_METHOD_ZSTD, 3, 0, 0, 0},      {DELTA_METHOD_XZ, 0, 0, 1, 8192},
    {DELTA_METHOD_LZ4, 1, 0, 0, 0},       {DELTA_METHOD_LZ4, 9, 0, 0, 0},
    {DELTA_METHOD_PADDED, 0, 0, 0, 4096}, {DELTA_METHOD_LZ4_FILL, 9, 0, 0, 4096},
};

/* The bytes that came out, or -1 when the method refused or wanted more room. */
static long flow_all(bool packs, const struct delta_packing *packing, const uint8_t *in, size_t len,
                     uint64_t unpacked_len, struct buf *out)
{
    const struct delta_repack_ops *ops = delta_repack_find(packing->method);
    uint64_t bytes =
        packs ? ops->pack_bytes(packing, unpacked_len) : ops->unpack_bytes(packing, unpacked_len);
    AUTO_FREE uint8_t *memory = NULL;
    struct delta_flow flow = {.in = in, .in_len = len, .ending = true};
    struct delta_space space;
    struct err err = {0};
    void *self = NULL;

    if (bytes == UINT64_MAX)
        return -1;
    memory = mem_alloc((size_t)bytes + DELTA_SPACE_ALIGN);
    space = (struct delta_space){memory, (size_t)bytes};
    space.next += (DELTA_SPACE_ALIGN - (uintptr_t)memory % DELTA_SPACE_ALIGN) % DELTA_SPACE_ALIGN;
    if (!(packs ? ops->pack_open : ops->unpack_open)(packing, unpacked_len, &space, &self, &err))
        return -1;
    for (size_t i = 0; i < STEPS_MAX && !flow.done; i++) {
        size_t before = flow.in_len;
        uint8_t *room = buf_reserve(out, 1024);

        if (!room)
            return -1;
        flow.out = room;
        flow.room = 1024;
        if (!ops->step(self, &flow, &err))
            return -1;
        out->len += 1024 - flow.room;
        if (flow.room == 1024 && flow.in_len == before && !flow.done)
            return -1;
    }
    return flow.done ? (long)out->len : -1;
}

static void try_packing(const struct delta_packing *packing, const uint8_t *data, size_t size)
{
    AUTO_BUF out;
    AUTO_BUF packed;
    AUTO_BUF again;

    buf_init(&out, OUT_MAX);
    buf_init(&packed, OUT_MAX);
    buf_init(&again, OUT_MAX);
    (void)flow_all(false, packing, data, size, LENGTH_MAX, &out);
    if (flow_all(true, packing, data, size, size, &packed) >= 0) {
        ASSERT(flow_all(false, packing, packed.data, packed.len, size, &again) == (long)size);
        ASSERT(memcmp(again.data, data, size) == 0);
    } else {
        ASSERT(packing->method == DELTA_METHOD_PADDED || packing->method == DELTA_METHOD_LZ4_FILL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 2 && size <= OUT_MAX / 4)
        try_packing(&packings[data[0] % COUNT(packings)], data + 1, size - 1);
    return 0;
}
