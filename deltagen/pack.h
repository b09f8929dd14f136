#pragma once
/*
 * The writing side of the codecs: a body's frames packed by stored, zlib or zstd, and the
 * arithmetic encoder of cm.
 */
#include "deltagen/image.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/delta/format.h"
#include "lib/delta/model.h"

/* Appends `data` packed with a window of 2^log2 bytes. */
MUST_USE bool pack_stream(enum delta_codec codec, unsigned log2, const struct buf *data,
                          struct buf *out, struct err *err);

struct pack_coder {
    struct delta_coder coder; /* first: models call back with it */
    uint32_t low, high;
    struct buf *out;
};

void pack_coder_init(struct pack_coder *coder, struct buf *out);
void pack_coder_finish(struct pack_coder *coder);

/* The size of `data` as a file of its own, packed by zstd: about what
 * a device without a patch downloads. `scarce`: a little more, and in little memory. */
MUST_USE bool pack_full_size(const struct image *image, bool scarce, unsigned threads,
                             uint64_t *out, struct err *err);
