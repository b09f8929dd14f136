/*
 * The three stream codecs. Each gets all its memory from the applier's block: zlib through its
 * allocation callbacks, zstd through a static context whose size it tells us beforehand.
 */
#define ZLIB_CONST
#define ZSTD_STATIC_LINKING_ONLY

#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "lib/delta/codec.h"

/* inflate's state is about 7 KiB beside its window (zlib's memory notes); this is generous. */
enum { ZLIB_STATE_BYTES = 16 << 10 };

struct zlib_stream {
    z_stream z;
    bool ended;
    struct delta_space space;
};

static uint64_t zlib_memory(unsigned log2)
{
    return delta_space_of(sizeof(struct zlib_stream)) + (UINT64_C(1) << log2) + ZLIB_STATE_BYTES;
}

static void *zlib_take(void *space, unsigned items, unsigned size)
{
    return delta_space_take(space, (size_t)items * size);
}

static void zlib_give_back(void *space, void *piece)
{
    (void)space;
    (void)piece;
}

static bool zlib_open(unsigned log2, struct delta_space *space, void **out, struct err *err)
{
    struct zlib_stream *stream = delta_space_take(space, sizeof(*stream));
    uint8_t *pieces = delta_space_take(space, ((size_t)1 << log2) + ZLIB_STATE_BYTES);

    ASSERT(stream && pieces);
    *stream =
        (struct zlib_stream){.space = {pieces, ((size_t)1 << log2) + ZLIB_STATE_BYTES},
                             .z = {.zalloc = zlib_take, .zfree = zlib_give_back, .opaque = NULL}};
    stream->z.opaque = &stream->space;
    /* zlib cannot inflate raw streams with a window of 2^8; the format starts at 2^9. */
    if (inflateInit2(&stream->z, -(int)log2) != Z_OK)
        return err_set(err, ERR_SYSTEM, "could not start zlib");
    *out = stream;
    return true;
}

static bool zlib_some(void *self, struct delta_input *in, uint8_t *out, size_t room, size_t *got,
                      struct err *err)
{
    struct zlib_stream *stream = self;
    int result;

    *got = 0;
    if (stream->ended)
        return true;
    stream->z.next_in = in->buf + in->pos;
    stream->z.avail_in = (unsigned)(in->len - in->pos);
    stream->z.next_out = out;
    stream->z.avail_out = (unsigned)room;
    result = inflate(&stream->z, Z_NO_FLUSH);
    in->pos = in->len - stream->z.avail_in;
    *got = room - stream->z.avail_out;
    stream->ended = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch body is not a zlib stream");
    return true;
}

const struct delta_unpack_ops delta_unpack_zlib = {zlib_memory, zlib_open, zlib_some};

struct zstd_stream {
    ZSTD_DStream *z;
    bool ended;
};

static uint64_t zstd_memory(unsigned log2)
{
    return delta_space_of(sizeof(struct zstd_stream)) +
           delta_space_of(ZSTD_estimateDStreamSize((size_t)1 << log2));
}

static bool zstd_open(unsigned log2, struct delta_space *space, void **out, struct err *err)
{
    size_t size = ZSTD_estimateDStreamSize((size_t)1 << log2);
    struct zstd_stream *stream = delta_space_take(space, sizeof(*stream));
    void *workspace = delta_space_take(space, size);

    ASSERT(stream && workspace);
    *stream = (struct zstd_stream){.z = ZSTD_initStaticDStream(workspace, size)};
    if (!stream->z || ZSTD_isError(ZSTD_DCtx_setParameter(stream->z, ZSTD_d_windowLogMax,
                                                          log2 < 10 ? 10 : (int)log2)))
        return err_set(err, ERR_SYSTEM, "could not start zstd");
    *out = stream;
    return true;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): zstd writes to `out` through a struct */
static bool zstd_some(void *self, struct delta_input *in, uint8_t *out, size_t room, size_t *got,
                      struct err *err)
{
    struct zstd_stream *stream = self;
    ZSTD_inBuffer source = {in->buf, in->len, in->pos};
    ZSTD_outBuffer target = {out, room, 0};
    size_t result;

    *got = 0;
    if (stream->ended)
        return true;
    result = ZSTD_decompressStream(stream->z, &target, &source);
    in->pos = source.pos;
    *got = target.pos;
    stream->ended = result == 0;
    if (ZSTD_isError(result))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch body is not a zstd stream: %s",
                          ZSTD_getErrorName(result));
    return true;
}

const struct delta_unpack_ops delta_unpack_zstd = {zstd_memory, zstd_open, zstd_some};
