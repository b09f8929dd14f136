/* The methods by number; one that is not built in is NULL. */
#include "lib/delta/repack.h"

extern const struct delta_repack_ops delta_repack_deflate, delta_repack_zlib, delta_repack_zstd,
    delta_repack_xz, delta_repack_lz4, delta_repack_lz4_fill, delta_repack_padded,
    delta_repack_gnu_gzip;

static const struct delta_repack_ops *const methods[] = {
    [DELTA_METHOD_DEFLATE] = &delta_repack_deflate,
    [DELTA_METHOD_ZLIB] = &delta_repack_zlib,
    [DELTA_METHOD_GNU_GZIP] = &delta_repack_gnu_gzip,
    [DELTA_METHOD_ZSTD] = &delta_repack_zstd,
    [DELTA_METHOD_XZ] = &delta_repack_xz,
    [DELTA_METHOD_LZ4] = &delta_repack_lz4,
    [DELTA_METHOD_LZ4_FILL] = &delta_repack_lz4_fill,
    [DELTA_METHOD_PADDED] = &delta_repack_padded,
};
_Static_assert(COUNT(methods) == DELTA_METHOD_COUNT, "every method has a place");

const struct delta_repack_ops *delta_repack_find(unsigned method)
{
    return method < DELTA_METHOD_COUNT ? methods[method] : NULL;
}

bool delta_packing_read(struct bytes *in, struct delta_packing *out, struct err *err)
{
    struct delta_packing packing = {.method = bytes_u8(in)};
    const struct delta_repack_ops *ops = delta_repack_find(packing.method);

    packing.level = bytes_u8(in);
    packing.window_log2 = bytes_u8(in);
    packing.flags = bytes_u8(in);
    packing.dictionary = bytes_u32(in);
    if (in->failed || !ops || !ops->takes(&packing))
        return err_refuse(err, REFUSAL_DELTA_FORMAT,
                          "patch packs in a way that this version does not know");
    *out = packing;
    return true;
}

void delta_packing_format(const struct delta_packing *packing, struct buf *out)
{
    buf_add_u8(out, packing->method);
    buf_add_u8(out, packing->level);
    buf_add_u8(out, packing->window_log2);
    buf_add_u8(out, packing->flags);
    buf_add_u32(out, packing->dictionary);
}
