#pragma once
/*
 * Packing and unpacking of parts of an image by the compressors that images are made with, in
 * memory that is known beforehand and taken from the applier's block. What is packed again is,
 * bit for bit, what the image's own tool wrote: the generator has tried it.
 *
 * Both directions are a flow: bytes are given and taken in any portions.
 */
#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/delta/space.h"

enum delta_method {
    DELTA_METHOD_DEFLATE,  /* bare, by zlib */
    DELTA_METHOD_ZLIB,     /* with zlib's head and check sum */
    DELTA_METHOD_GNU_GZIP, /* bare, by GNU gzip's own encoder */
    DELTA_METHOD_ZSTD,     /* one frame */
    DELTA_METHOD_XZ,       /* one stream of one block */
    DELTA_METHOD_LZ4,      /* one block, by the HC encoder */
    DELTA_METHOD_LZ4_FRAME,
    DELTA_METHOD_LZ4_FILL, /* one block, of as much input as fits */
    DELTA_METHOD_PADDED,   /* not packed: zeros behind it fill a block */
    DELTA_METHOD_COUNT,
};

enum { DELTA_PACKING_BYTES = 8 };

/*
 *   offset  size
 *        0     1  method
 *        1     1  level, as the method's tool counts
 *        2     1  window, log2 of bytes; 0: the method has no choice
 *        3     1  flags; deflate: memory level, and strategy << 4; LZ4 that fills: 1: as if more
 *                 input followed
 *        4     4  dictionary, in bytes; what fills a block: the block; 0: the method has none
 */
struct delta_packing {
    uint8_t method;
    uint8_t level;
    uint8_t window_log2;
    uint8_t flags;
    uint32_t dictionary;
};

/* Used from the front as far as a step went; whoever steps it moves the pointers back. */
struct delta_flow {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t room;
    bool ending; /* no more input than `in` will come */
    bool done;   /* set by a step: the stream is complete */
};

struct delta_repack_ops {
    const char *name;
    /* Are these parameters of the method? */
    bool (*takes)(const struct delta_packing *packing);
    /* Of their pieces in the block; UINT64_MAX: it cannot be done for that length. */
    uint64_t (*unpack_bytes)(const struct delta_packing *packing, uint64_t unpacked_len);
    uint64_t (*pack_bytes)(const struct delta_packing *packing, uint64_t unpacked_len);
    bool (*unpack_open)(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err);
    bool (*pack_open)(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err);
    /* Goes on until either side of the flow is used up or it is done; refuses bytes that are not
     * of the method. Of what either open gave. */
    bool (*step)(void *self, struct delta_flow *flow, struct err *err);
};

/* NULL: this applier does not have the method. */
const struct delta_repack_ops *delta_repack_find(unsigned method);

/* Refuses (DELTA_FORMAT) what no method takes. */
MUST_USE bool delta_packing_read(struct bytes *in, struct delta_packing *out, struct err *err);
void delta_packing_format(const struct delta_packing *packing, struct buf *out);
