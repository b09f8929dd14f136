/*
 * zstd frames of a block that is packed at once, as squashfs packs its blocks: the parameters
 * follow from level and length, so both are needed. Unpacking is a stream with a window of the
 * block's length.
 */
#define ZSTD_STATIC_LINKING_ONLY

#include <string.h>

#include <zstd.h>

#include "lib/delta/repack_gather.h"

enum {
    BLOCK_BYTES_MAX = 8 << 20,
    WINDOW_LOG2_MIN = 10,
};

struct stream {
    struct delta_gather *packer; /* or */
    ZSTD_DStream *unpacker;
    bool ended;
};

static bool takes(const struct delta_packing *packing)
{
    return packing->level >= 1 && packing->level <= 22 && packing->window_log2 == 0 &&
           packing->flags == 0 && packing->dictionary == 0;
}

static size_t coder_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    return ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(packing->level, unpacked_len, 0));
}

static unsigned window_log2(uint64_t unpacked_len)
{
    unsigned log2 = WINDOW_LOG2_MIN;

    while (UINT64_C(1) << log2 < unpacked_len)
        log2++;
    return log2;
}

static size_t decoder_bytes(uint64_t unpacked_len)
{
    return ZSTD_estimateDStreamSize((size_t)1 << window_log2(unpacked_len));
}

static uint64_t unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)packing;
    if (unpacked_len > BLOCK_BYTES_MAX)
        return UINT64_MAX;
    return delta_space_of(sizeof(struct stream)) + delta_space_of(decoder_bytes(unpacked_len));
}

static uint64_t pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    if (unpacked_len > BLOCK_BYTES_MAX)
        return UINT64_MAX;
    return delta_space_of(sizeof(struct stream)) +
           delta_gather_bytes(unpacked_len, ZSTD_compressBound(unpacked_len),
                              coder_bytes(packing, unpacked_len));
}

static bool unpack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    size_t size = decoder_bytes(unpacked_len);
    struct stream *stream = delta_space_take(space, sizeof(*stream));
    void *workspace = delta_space_take(space, size);

    (void)packing;
    ASSERT(stream && workspace);
    *stream = (struct stream){.unpacker = ZSTD_initStaticDStream(workspace, size)};
    if (!stream->unpacker ||
        ZSTD_isError(ZSTD_DCtx_setParameter(stream->unpacker, ZSTD_d_windowLogMax,
                                            (int)window_log2(unpacked_len))))
        return err_set(err, ERR_SYSTEM, "could not start zstd");
    *out = stream;
    return true;
}

static bool code(struct delta_gathered *block, size_t *out_len, struct err *err)
{
    ZSTD_CCtx *context = ZSTD_initStaticCCtx(block->space.next, block->space.left);
    size_t got;

    if (!context)
        return err_set(err, ERR_SYSTEM, "could not start zstd");
    got = ZSTD_compressCCtx(context, block->out, block->room, block->in, block->in_len,
                            block->packing.level);
    if (ZSTD_isError(got))
        return err_set(err, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(got));
    *out_len = got;
    return true;
}

static bool pack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    struct stream *stream = delta_space_take(space, sizeof(*stream));

    (void)err;
    ASSERT(stream);
    *stream = (struct stream){
        .packer = delta_gather_open(packing, code, unpacked_len, ZSTD_compressBound(unpacked_len),
                                    coder_bytes(packing, unpacked_len), space)};
    *out = stream;
    return true;
}

static bool step(void *self, struct delta_flow *flow, struct err *err)
{
    struct stream *stream = self;
    ZSTD_inBuffer source = {flow->in, flow->in_len, 0};
    ZSTD_outBuffer target = {flow->out, flow->room, 0};
    size_t result;

    if (stream->packer)
        return delta_gather_step(stream->packer, flow, err);
    flow->done = stream->ended;
    if (stream->ended)
        return true;
    result = ZSTD_decompressStream(stream->unpacker, &target, &source);
    if (ZSTD_isError(result))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is not a zstd frame: %s",
                          ZSTD_getErrorName(result));
    flow->in += source.pos;
    flow->in_len -= source.pos;
    flow->out += target.pos;
    flow->room -= target.pos;
    flow->done = stream->ended = result == 0;
    return true;
}

extern const struct delta_repack_ops delta_repack_zstd;

const struct delta_repack_ops delta_repack_zstd = {"zstd",      takes,     unpack_bytes, pack_bytes,
                                                   unpack_open, pack_open, step};
