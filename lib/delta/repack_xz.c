/*
 * xz streams of one block that is packed at once (so its header tells its sizes, as squashfs has
 * them), LZMA2 alone. liblzma asks for its memory through callbacks; how much, it says before.
 */
#include <lzma.h>

#include "lib/delta/repack_gather.h"

enum {
    BLOCK_BYTES_MAX = 8 << 20,
    DICTIONARY_MIN = 4096,
    SLACK_BYTES = 64 << 10, /* alignment, index, and what liblzma does not count */
};

struct stream {
    struct delta_gather *packer; /* or */
    lzma_stream unpacker;
    lzma_allocator allocator;
    struct delta_space space;
    bool ended;
};

/* `flags` is the check: 0 none, 1 CRC-32, 4 CRC-64. */
static bool takes(const struct delta_packing *packing)
{
    return packing->level <= 9 && packing->window_log2 == 0 &&
           (packing->flags == LZMA_CHECK_NONE || packing->flags == LZMA_CHECK_CRC32 ||
            packing->flags == LZMA_CHECK_CRC64) &&
           packing->dictionary >= DICTIONARY_MIN && packing->dictionary <= BLOCK_BYTES_MAX;
}

static void set_filters(const struct delta_packing *packing, lzma_options_lzma *options,
                        lzma_filter filters[2])
{
    bool failed = lzma_lzma_preset(options, packing->level);

    ASSERT(!failed);
    options->dict_size = packing->dictionary;
    filters[0] = (lzma_filter){LZMA_FILTER_LZMA2, options};
    filters[1] = (lzma_filter){LZMA_VLI_UNKNOWN, NULL};
}

static uint64_t coder_bytes(const struct delta_packing *packing)
{
    lzma_options_lzma options;
    lzma_filter filters[2];

    set_filters(packing, &options, filters);
    return lzma_raw_encoder_memusage(filters) + SLACK_BYTES;
}

static uint64_t decoder_bytes(const struct delta_packing *packing)
{
    lzma_options_lzma options;
    lzma_filter filters[2];

    set_filters(packing, &options, filters);
    return lzma_raw_decoder_memusage(filters) + SLACK_BYTES;
}

static uint64_t unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)unpacked_len;
    return delta_space_of(sizeof(struct stream)) + delta_space_of(decoder_bytes(packing));
}

static uint64_t pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    if (unpacked_len > BLOCK_BYTES_MAX)
        return UINT64_MAX;
    return delta_space_of(sizeof(struct stream)) +
           delta_gather_bytes(unpacked_len, lzma_stream_buffer_bound(unpacked_len),
                              coder_bytes(packing));
}

static void *take(void *space, size_t items, size_t size)
{
    return delta_space_take(space, items * size);
}

static void give_back(void *space, void *piece)
{
    (void)space;
    (void)piece;
}

static bool unpack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    uint64_t size = decoder_bytes(packing);
    struct stream *stream = delta_space_take(space, sizeof(*stream));
    uint8_t *pieces = delta_space_take(space, size);

    (void)unpacked_len;
    ASSERT(stream && pieces);
    *stream = (struct stream){.unpacker = LZMA_STREAM_INIT,
                              .space = {pieces, size},
                              .allocator = {take, give_back, NULL}};
    stream->allocator.opaque = &stream->space;
    stream->unpacker.allocator = &stream->allocator;
    if (lzma_stream_decoder(&stream->unpacker, size, 0) != LZMA_OK)
        return err_set(err, ERR_SYSTEM, "could not start xz");
    *out = stream;
    return true;
}

static bool code(struct delta_gathered *block, size_t *out_len, struct err *err)
{
    const lzma_allocator allocator = {take, give_back, &block->space};
    lzma_options_lzma options;
    lzma_filter filters[2];

    set_filters(&block->packing, &options, filters);
    *out_len = 0;
    if (lzma_stream_buffer_encode(filters, (lzma_check)block->packing.flags, &allocator, block->in,
                                  block->in_len, block->out, out_len, block->room) != LZMA_OK)
        return err_set(err, ERR_SYSTEM, "xz could not pack");
    return true;
}

static bool pack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    struct stream *stream = delta_space_take(space, sizeof(*stream));

    (void)err;
    ASSERT(stream);
    *stream = (struct stream){.packer = delta_gather_open(packing, code, unpacked_len,
                                                          lzma_stream_buffer_bound(unpacked_len),
                                                          coder_bytes(packing), space)};
    *out = stream;
    return true;
}

static bool step(void *self, struct delta_flow *flow, struct err *err)
{
    struct stream *stream = self;
    lzma_ret result;

    if (stream->packer)
        return delta_gather_step(stream->packer, flow, err);
    flow->done = stream->ended;
    if (stream->ended)
        return true;
    stream->unpacker.next_in = flow->in;
    stream->unpacker.avail_in = flow->in_len;
    stream->unpacker.next_out = flow->out;
    stream->unpacker.avail_out = flow->room;
    result = lzma_code(&stream->unpacker, LZMA_RUN);
    flow->in = stream->unpacker.next_in;
    flow->in_len = stream->unpacker.avail_in;
    flow->out = stream->unpacker.next_out;
    flow->room = stream->unpacker.avail_out;
    flow->done = stream->ended = result == LZMA_STREAM_END;
    if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is not an xz stream");
    return true;
}

extern const struct delta_repack_ops delta_repack_xz;

const struct delta_repack_ops delta_repack_xz = {"xz",        takes,     unpack_bytes, pack_bytes,
                                                 unpack_open, pack_open, step};
