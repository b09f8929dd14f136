#pragma once
/*
 * The patch file: how one image is written as pieces of another. One pass in output order, so
 * that a device writes its slot from front to back and holds next to nothing.
 *
 * All integers are little-endian.
 *
 *   offset  size  header (140 bytes)
 *        0     8  magic "SLDELTA1"
 *        8     2  version, 2
 *       10     1  codec: 0 stored, 1 zlib, 2 zstd, 3 cm
 *       11     1  codec size, log2: zlib and zstd: bytes of window, cm: counters, stored: 0
 *       12     4  bytes of the largest frame (cm has no frames: 0)
 *       16     8  length of the old image
 *       24     8  length of the new image
 *       32     8  length of the body, which ends the file
 *       40    32  SHA-256 of the old image
 *       72    32  SHA-256 of the new image
 *      104     4  bytes of a chunk, 4 KiB to 64 KiB
 *      108    32  SHA-256 of the first chunk
 *      140        body
 *
 * The body is cut into chunks of that many bytes; the last may be shorter. A chunk that is not the
 * last begins with the SHA-256 of the whole next one; the rest are the payload's next bytes. So
 * whoever knows the header's hash knows every byte before it is decoded, in one pass and with one
 * chunk in memory. (A body of no bytes has one chunk of no bytes.)
 *
 * The payload is a list of operations; each writes new bytes at the output's end, reads old bytes
 * at a cursor that starts at 0, or moves that cursor. An operation's control word is a varint
 * (LEB128) of `length << 3 | kind`:
 *
 *   0 copy    `length` old bytes as they are; the cursor moves on
 *   1 add     `length` old bytes, each plus its diff byte; the cursor moves on
 *   2 insert  `length` literal bytes
 *   3 fill    `length` times one literal byte
 *   4 seek    moves the cursor by `length` in zigzag form (0, -1, 1, -2, ...)
 *
 * No length is 0, a seek is never followed by a seek, and the operations end when the new image
 * is complete.
 *
 * stored, zlib (raw deflate) and zstd: the payload, unpacked, is a list of frames, so that bytes of
 * one sort lie together and still come one frame at a time:
 *        0     4  bytes of control words
 *        4     4  bytes of diffs
 *        8     4  bytes of literals
 *       12        control words, then diffs, then literals
 * All three are used up before the next frame starts, and together fit the header's frame size.
 *
 * cm: the payload is one arithmetic code of control words, diffs and literals in the order in which
 * they are used; lib/delta/model.h says how their bits are predicted.
 */
#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum {
    DELTA_HEADER_BYTES = 140,
    DELTA_VERSION = 2,
    DELTA_HASH_BYTES = 32,
    DELTA_FRAME_HEAD_BYTES = 12,
    DELTA_FRAME_BYTES_MIN = 64,
    DELTA_FRAME_BYTES_MAX = 384 << 10,
    DELTA_CHUNK_BYTES_MIN = 4 << 10,
    DELTA_CHUNK_BYTES_MAX = 64 << 10,
    DELTA_CONTROL_BYTES_MAX = 10, /* of one control word */
};
/* Of the old or new image: 4 TiB. */
#define DELTA_LENGTH_MAX (UINT64_C(1) << 42)

enum delta_codec {
    DELTA_STORED,
    DELTA_ZLIB,
    DELTA_ZSTD,
    DELTA_CM,
    DELTA_CODEC_COUNT,
};

enum delta_kind {
    DELTA_COPY,
    DELTA_ADD,
    DELTA_INSERT,
    DELTA_FILL,
    DELTA_SEEK,
    DELTA_KIND_COUNT,
};

struct delta_header {
    enum delta_codec codec;
    unsigned codec_log2;
    uint32_t frame_bytes_max;
    uint64_t old_length;
    uint64_t new_length;
    uint64_t body_length;
    uint8_t old_sha256[DELTA_HASH_BYTES];
    uint8_t new_sha256[DELTA_HASH_BYTES];
    uint32_t chunk_bytes;
    uint8_t chunk_sha256[DELTA_HASH_BYTES]; /* of the first chunk */
};

/* Refuses (DELTA_FORMAT) whatever delta_header_format() would not write. */
MUST_USE bool delta_header_read(struct bytes *in, struct delta_header *out, struct err *err);
void delta_header_format(const struct delta_header *header, struct buf *out);

/* SHA-256 of the header as a file has it: whoever signs this signs the whole patch. */
void delta_header_sha256(const struct delta_header *header, uint8_t out[DELTA_HASH_BYTES]);

/* "stored", "zlib", "zstd", "cm". */
const char *delta_codec_name(enum delta_codec codec);

uint64_t delta_zigzag(int64_t value);
int64_t delta_unzigzag(uint64_t value);
