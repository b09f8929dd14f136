/*
 * deflate by zlib, bare or with zlib's head. zlib asks for its memory through callbacks, all of it
 * when a stream is opened: windows and tables by its notes (zconf.h), and its own state, which is
 * below 16 KiB in all versions.
 */
#define ZLIB_CONST

#include <zlib.h>

#include "lib/delta/repack.h"

enum {
    STATE_BYTES = 16 << 10,
    ALIGN_BYTES = 8 * DELTA_SPACE_ALIGN,
    STRATEGY_SHIFT = 4,
    MEMORY_MASK = 15,
};

struct stream {
    z_stream z;
    struct delta_space space;
    int (*run)(z_stream *z, int flush);
    bool packs;
    bool ended;
};

static bool takes(const struct delta_packing *packing)
{
    unsigned memory = packing->flags & MEMORY_MASK;

    return packing->level >= 1 && packing->level <= 9 && packing->window_log2 >= 9 &&
           packing->window_log2 <= 15 && memory >= 1 && memory <= 9 &&
           packing->flags >> STRATEGY_SHIFT <= Z_FIXED && packing->dictionary == 0;
}

static size_t inflate_bytes(const struct delta_packing *packing)
{
    return ((size_t)1 << packing->window_log2) + STATE_BYTES + ALIGN_BYTES;
}

static size_t deflate_bytes(const struct delta_packing *packing)
{
    return ((size_t)1 << (packing->window_log2 + 2)) +
           ((size_t)1 << ((packing->flags & MEMORY_MASK) + 9)) + STATE_BYTES + ALIGN_BYTES;
}

static uint64_t unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)unpacked_len;
    return delta_space_of(sizeof(struct stream)) + delta_space_of(inflate_bytes(packing));
}

static uint64_t pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)unpacked_len;
    return delta_space_of(sizeof(struct stream)) + delta_space_of(deflate_bytes(packing));
}

static void *take(void *space, unsigned items, unsigned size)
{
    return delta_space_take(space, (size_t)items * size);
}

static void give_back(void *space, void *piece)
{
    (void)space;
    (void)piece;
}

static struct stream *start(struct delta_space *space, size_t size)
{
    struct stream *stream = delta_space_take(space, sizeof(*stream));
    uint8_t *pieces = delta_space_take(space, size);

    ASSERT(stream && pieces);
    *stream = (struct stream){.space = {pieces, size}, .z = {.zalloc = take, .zfree = give_back}};
    stream->z.opaque = &stream->space;
    return stream;
}

static bool open_inflate(const struct delta_packing *packing, int window, struct delta_space *space,
                         void **out, struct err *err)
{
    struct stream *stream = start(space, inflate_bytes(packing));

    stream->run = inflate;
    if (inflateInit2(&stream->z, window) != Z_OK)
        return err_set(err, ERR_SYSTEM, "could not start zlib");
    *out = stream;
    return true;
}

static bool open_deflate(const struct delta_packing *packing, int window, struct delta_space *space,
                         void **out, struct err *err)
{
    struct stream *stream = start(space, deflate_bytes(packing));

    stream->run = deflate;
    stream->packs = true;
    if (deflateInit2(&stream->z, packing->level, Z_DEFLATED, window, packing->flags & MEMORY_MASK,
                     packing->flags >> STRATEGY_SHIFT) != Z_OK)
        return err_set(err, ERR_SYSTEM, "could not start zlib");
    *out = stream;
    return true;
}

static bool bare_unpack(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    (void)unpacked_len;
    return open_inflate(packing, -packing->window_log2, space, out, err);
}

static bool bare_pack(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    (void)unpacked_len;
    return open_deflate(packing, -packing->window_log2, space, out, err);
}

static bool zlib_unpack(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    (void)unpacked_len;
    return open_inflate(packing, packing->window_log2, space, out, err);
}

static bool zlib_pack(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    (void)unpacked_len;
    return open_deflate(packing, packing->window_log2, space, out, err);
}

static bool step(void *self, struct delta_flow *flow, struct err *err)
{
    struct stream *stream = self;
    unsigned given = flow->in_len < UINT32_MAX ? (unsigned)flow->in_len : UINT32_MAX;
    unsigned room = flow->room < UINT32_MAX ? (unsigned)flow->room : UINT32_MAX;
    bool ending = stream->packs && flow->ending && given == flow->in_len;
    int result;

    if (stream->ended) {
        flow->done = true;
        return true;
    }
    stream->z.next_in = flow->in;
    stream->z.avail_in = given;
    stream->z.next_out = flow->out;
    stream->z.avail_out = room;
    result = stream->run(&stream->z, ending ? Z_FINISH : Z_NO_FLUSH);
    flow->in += given - stream->z.avail_in;
    flow->in_len -= given - stream->z.avail_in;
    flow->out += room - stream->z.avail_out;
    flow->room -= room - stream->z.avail_out;
    flow->done = stream->ended = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is not deflated");
    return true;
}

extern const struct delta_repack_ops delta_repack_deflate, delta_repack_zlib;

const struct delta_repack_ops delta_repack_deflate = {
    "deflate", takes, unpack_bytes, pack_bytes, bare_unpack, bare_pack, step};
const struct delta_repack_ops delta_repack_zlib = {"zlib",      takes,     unpack_bytes, pack_bytes,
                                                   zlib_unpack, zlib_pack, step};
