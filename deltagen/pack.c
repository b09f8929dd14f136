/*
 * zlib at its best level, zstd at its own. The arithmetic encoder mirrors lib/delta/cm.c: both
 * narrow the same interval, and the encoder's last four bytes are the ones the decoder has read
 * ahead.
 */
#define ZLIB_CONST
#include "deltagen/pack.h"

#include <zlib.h>
#include <zstd.h>

#include "lib/base/mem.h"

enum {
    FULL_LEVEL = 9, /* the full image is only measured: harder levels take longer than the patch */
    FULL_LEVEL_SCARCE = 5, /* in 8 MiB */
};

static bool pack_zlib(unsigned log2, const struct buf *data, struct buf *out, struct err *err)
{
    const uint8_t *bytes = (const uint8_t *)buf_text(data); /* never NULL */
    z_stream z = {0};
    size_t done = 0;
    int result = Z_OK;

    if (deflateInit2(&z, 9, Z_DEFLATED, -(int)log2, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(err, ERR_SYSTEM, "could not start zlib");
    while (result == Z_OK) {
        size_t room = 1 << 16;
        size_t left = data->len - done;
        unsigned give = left < (1u << 30) ? (unsigned)left : 1u << 30;
        uint8_t *at = buf_reserve(out, room);

        if (!at)
            break;
        z.next_in = bytes + done;
        z.avail_in = give;
        z.next_out = at;
        z.avail_out = (unsigned)room;
        result = deflate(&z, give == left ? Z_FINISH : Z_NO_FLUSH);
        done += give - z.avail_in;
        out->len += room - z.avail_out;
    }
    (void)deflateEnd(&z);
    return result == Z_STREAM_END || err_set(err, ERR_LIMIT, "patch grows too large");
}

static bool pack_zstd(unsigned log2, const struct buf *data, struct buf *out, struct err *err)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(data->len);
    uint8_t *at = buf_reserve(out, room);
    size_t result = 0;

    ASSERT(z);
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, 22);
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, (int)log2);
    if (at)
        result = ZSTD_compress2(z, at, room, buf_text(data), data->len);
    (void)ZSTD_freeCCtx(z);
    if (!at)
        return err_set(err, ERR_LIMIT, "patch grows too large");
    if (ZSTD_isError(result))
        return err_set(err, ERR_SYSTEM, "zstd failed: %s", ZSTD_getErrorName(result));
    out->len += result;
    return true;
}

bool pack_stream(enum delta_codec codec, unsigned log2, const struct buf *data, struct buf *out,
                 struct err *err)
{
    switch (codec) {
    case DELTA_STORED:
        buf_add(out, buf_text(data), data->len);
        return true;
    case DELTA_ZLIB:
        return pack_zlib(log2, data, out, err);
    case DELTA_ZSTD:
        return pack_zstd(log2, data, out, err);
    case DELTA_CM:
    case DELTA_CODEC_COUNT:
        break;
    }
    return err_set(err, ERR_INVALID, "the codec does not pack streams");
}

static unsigned encode_bit(struct delta_coder *base, unsigned p, unsigned bit)
{
    struct pack_coder *coder = (struct pack_coder *)base;
    uint32_t middle = coder->low + (uint32_t)((uint64_t)(coder->high - coder->low) * p >> 16);

    if (bit)
        coder->high = middle;
    else
        coder->low = middle + 1;
    while ((coder->low ^ coder->high) >> 24 == 0) {
        buf_add_u8(coder->out, (uint8_t)(coder->high >> 24));
        coder->low <<= 8;
        coder->high = coder->high << 8 | 255;
    }
    return bit;
}

void pack_coder_init(struct pack_coder *coder, struct buf *out)
{
    *coder = (struct pack_coder){.coder = {encode_bit}, .high = UINT32_MAX, .out = out};
}

void pack_coder_finish(struct pack_coder *coder)
{
    for (int i = 0; i < 4; i++)
        buf_add_u8(coder->out, (uint8_t)(coder->high >> (24 - 8 * i)));
}

bool pack_full_size(const struct image *image, bool scarce, unsigned threads, uint64_t *out,
                    struct err *err)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    size_t room = ZSTD_CStreamOutSize();
    AUTO_FREE uint8_t *piece = mem_alloc(room);
    ZSTD_inBuffer in = {image->data, image->len, 0};
    size_t left = 1;

    ASSERT(z);
    *out = 0;
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel,
                                 scarce ? FULL_LEVEL_SCARCE : FULL_LEVEL);
    (void)ZSTD_CCtx_setPledgedSrcSize(z, image->len);
    /* Refused by a libzstd without threads, and then not needed. */
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_nbWorkers, (int)threads);
    while (left > 0 && !ZSTD_isError(left)) {
        ZSTD_outBuffer target = {piece, room, 0};

        left = ZSTD_compressStream2(z, &target, &in, ZSTD_e_end);
        *out += target.pos;
    }
    (void)ZSTD_freeCCtx(z);
    return !ZSTD_isError(left) ||
           err_set(err, ERR_SYSTEM, "zstd failed: %s", ZSTD_getErrorName(left));
}
