/*
 * Four libraries behind one call. Streams are run step by step, into `out` or into a scratch
 * buffer when only their length is wanted; LZ4 blocks have no end of their own and take all of
 * the input.
 */
#include "deltagen/container/decode.h"

#include <string.h>

#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#define ZLIB_CONST /* next_in */
#include <zlib.h>
#include <zstd.h>

#include "lib/base/mem.h"

enum {
    SCRATCH_BYTES = 1 << 16,
    WINDOW_BYTES_MAX = 64 << 20,
    WINDOW_LOG2_MAX = 26,
    /* deflate, the tightest of those whose ratio has a bound, reaches 1032. */
    RATIO_MAX = 1100,
    RATIO_FREE_BYTES = 16 << 20,
};

/* Where a stream's next bytes go: to the end of `out`, or over and over into `scratch`. */
struct target {
    uint8_t *out;
    uint64_t room;
    uint64_t done;
    uint8_t *scratch;
};

static size_t next_room(const struct target *target, uint8_t **at)
{
    uint64_t left = target->room - target->done;

    *at = target->out ? target->out + target->done : target->scratch;
    return (size_t)(left < SCRATCH_BYTES ? left : SCRATCH_BYTES);
}

static bool grows_too_much(uint64_t in_len, uint64_t out_len)
{
    return out_len > RATIO_FREE_BYTES && out_len / RATIO_MAX > in_len;
}

/* -MAX_WBITS: bare deflate. */
static bool decode_deflate(int window, const uint8_t *in, uint64_t len, struct target *target,
                           uint64_t *packed)
{
    z_stream stream = {0};
    int status = Z_OK;

    if (inflateInit2(&stream, window) != Z_OK)
        return false;
    while (status == Z_OK) {
        uint8_t *at;
        size_t room = next_room(target, &at);
        uint64_t left = len - *packed;
        uInt given = (uInt)(left < SCRATCH_BYTES ? left : SCRATCH_BYTES);
        uint8_t spare = 0; /* one byte more than the room tells an end from an overflow */

        stream.next_in = in + *packed;
        stream.avail_in = given;
        stream.next_out = room > 0 ? at : &spare;
        stream.avail_out = room > 0 ? (uInt)room : 1;
        status = inflate(&stream, Z_NO_FLUSH);
        *packed += given - stream.avail_in;
        if (room == 0 && stream.avail_out == 0)
            status = Z_BUF_ERROR;
        if (room > 0)
            target->done += room - stream.avail_out;
    }
    (void)inflateEnd(&stream);
    return status == Z_STREAM_END;
}

static bool decode_zstd(const uint8_t *in, uint64_t len, struct target *target, uint64_t *packed)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in, (size_t)len, 0};
    size_t left = 1;
    bool stuck = !context;

    if (context)
        (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG2_MAX);
    while (left > 0 && !stuck) {
        uint8_t *at;
        ZSTD_outBuffer to = {NULL, next_room(target, &at), 0};
        size_t before = from.pos;

        to.dst = at;
        left = ZSTD_decompressStream(context, &to, &from);
        target->done += to.pos;
        stuck = ZSTD_isError(left) || (to.pos == 0 && from.pos == before && left > 0) ||
                grows_too_much(from.pos, target->done);
    }
    (void)ZSTD_freeDCtx(context);
    *packed = from.pos;
    return !stuck;
}

static bool run_lzma(lzma_stream *stream, const uint8_t *in, uint64_t len, struct target *target)
{
    lzma_ret status = LZMA_OK;

    stream->next_in = in;
    stream->avail_in = (size_t)len;
    while (status == LZMA_OK) {
        uint8_t *at;
        size_t room = next_room(target, &at);

        stream->next_out = at;
        stream->avail_out = room;
        status = lzma_code(stream, LZMA_RUN);
        target->done += room - stream->avail_out;
        if (grows_too_much(stream->total_in, target->done))
            status = LZMA_DATA_ERROR;
    }
    return status == LZMA_STREAM_END;
}

static bool decode_xz(enum unit_family family, const uint8_t *in, uint64_t len,
                      struct target *target, uint64_t *packed)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_ret opened = family == UNIT_XZ
                          ? lzma_stream_decoder(&stream, (uint64_t)WINDOW_BYTES_MAX * 2, 0)
                          : lzma_alone_decoder(&stream, (uint64_t)WINDOW_BYTES_MAX * 2);
    bool good = opened == LZMA_OK && run_lzma(&stream, in, len, target);

    *packed = stream.total_in;
    lzma_end(&stream);
    return good;
}

static bool decode_lz4_frame(const uint8_t *in, uint64_t len, struct target *target,
                             uint64_t *packed)
{
    LZ4F_dctx *context = NULL;
    size_t left = 1;
    bool stuck = LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION));

    while (left > 0 && !stuck) {
        uint8_t *at;
        size_t room = next_room(target, &at);
        size_t given = (size_t)(len - *packed);

        left = LZ4F_decompress(context, at, &room, in + *packed, &given, NULL);
        *packed += given;
        target->done += room;
        stuck = LZ4F_isError(left) || (room == 0 && given == 0 && left > 0);
    }
    (void)LZ4F_freeDecompressionContext(context);
    return !stuck;
}

/* A block says nothing of its length: measuring needs its bytes, so room for them. */
static bool decode_lz4(enum unit_family family, const uint8_t *in, uint64_t len,
                       struct target *target, uint64_t *packed)
{
    AUTO_FREE uint8_t *own = NULL;
    uint8_t *out = target->out;
    int room = target->room < INT32_MAX ? (int)target->room : INT32_MAX;
    int got;

    if (len > LZ4_MAX_INPUT_SIZE || (!out && target->room > WINDOW_BYTES_MAX))
        return false;
    if (!out) {
        own = mem_alloc((size_t)room + 1);
        out = own;
    }
    *packed = len;
    while (family == UNIT_LZ4_FILL && len > 0 && *in == 0) {
        in++;
        len--;
    }
    got = LZ4_decompress_safe((const char *)in, (char *)out, (int)len, room);
    target->done = got > 0 ? (uint64_t)got : 0;
    return got > 0;
}

/* As many bytes as there is room for; the rest is zero. */
static bool decode_padded(const uint8_t *in, uint64_t len, struct target *target, uint64_t *packed)
{
    if (target->room > len)
        return false;
    if (target->out)
        memcpy(target->out, in, (size_t)target->room);
    target->done = target->room;
    *packed = len;
    for (uint64_t i = target->room; i < len; i++) {
        if (in[i] != 0)
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): `out` is written through the target */
bool unit_decode(enum unit_family family, const uint8_t *in, uint64_t len, uint8_t *out,
                 uint64_t room, struct decoded *decoded)
{
    AUTO_FREE uint8_t *scratch = out ? NULL : mem_alloc(SCRATCH_BYTES);
    struct target target = {.out = out, .room = room, .scratch = scratch};
    uint64_t packed = 0;
    bool good = false;

    switch (family) {
    case UNIT_DEFLATE:
        good = decode_deflate(-MAX_WBITS, in, len, &target, &packed);
        break;
    case UNIT_ZLIB:
        good = decode_deflate(MAX_WBITS, in, len, &target, &packed);
        break;
    case UNIT_ZSTD:
        good = decode_zstd(in, len, &target, &packed);
        break;
    case UNIT_XZ:
    case UNIT_LZMA:
        good = decode_xz(family, in, len, &target, &packed);
        break;
    case UNIT_LZ4:
    case UNIT_LZ4_FILL:
        good = decode_lz4(family, in, len, &target, &packed);
        break;
    case UNIT_LZ4_FRAME:
        good = decode_lz4_frame(in, len, &target, &packed);
        break;
    case UNIT_PADDED:
        good = decode_padded(in, len, &target, &packed);
        break;
    case UNIT_FAMILY_COUNT:
        break;
    }
    if (good)
        *decoded = (struct decoded){packed, target.done};
    return good;
}
