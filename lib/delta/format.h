#pragma once
/*
 * The patch file: how one image is written as pieces of another. One pass over the patch and one
 * over the new image, front to back, so that a device writes its slot as it goes and holds next
 * to nothing. docs/FORMATS.md draws it.
 *
 * All integers are little-endian; a varint is LEB128 in its shortest form.
 *
 *   offset  size  header (192 bytes)
 *        0     8  magic "SLDELTA1"
 *        8     2  version, 3
 *       10     1  coder: 0 stored, 1 zlib, 2 zstd, 3 cm; others belong to later versions
 *       11     1  coder size, log2: zlib and zstd: bytes of window, cm: counters, stored: 0
 *       12     1  memory class: 0 S, 1 M, 2 L, 3 Z, 4 X, 5 H
 *       13     1  history, log2 of bytes: what cm's literals look back on; others: 0
 *       14     1  bytes of a block's hash, 4 to 32; 0: only the whole image is compared, for in a
 *                 tiny patch the hashes would be most of it
 *       15     1  levels of the old layout, 0 to 4, and of the new one << 4
 *       16     4  bytes of the largest frame
 *       20     4  bytes of the first frame
 *       24     8  length of the old image
 *       32     8  length of the new image
 *       40     8  length of the body, which ends the file
 *       48     8  length of the old space
 *       56     8  length of the new space
 *       64     4  bytes of the tables, unpacked
 *       68     4  items of both layouts, one more for each level
 *       72     4  covers of the largest scope
 *       76     4  bytes of memory for unpacking old items
 *       80     4  bytes of memory for packing new ones
 *       84     4  bytes of the largest batch (cm has none: 0)
 *       88     4  blocks that end in one group, at most; their hashes fit 64 KiB
 *       92     4  log2 of an erase block's bytes, 8 to 20, and << 8 how many such blocks the old
 *                 image is moved up before it is overwritten: the image may be updated where it
 *                 lies (lib/delta/in_place.h). 0: it is written elsewhere
 *       96    32  SHA-256 of the old image
 *      128    32  SHA-256 of the new image
 *      160    32  SHA-256 of the first frame
 *      192        body
 *
 * The body is a chain of frames:
 *        0     4  bytes of the next frame, 0: there is none; the highest bit is set in the last
 *                 frame of a group
 *        4    32  SHA-256 of the next frame (not in the last one)
 *       36        payload
 * So whoever knows the header's hash knows every byte before it is decoded, with one frame in
 * memory; the update's metadata names the header's length and hash.
 *
 * The groups: when the header's table bytes are not 0, the first group is the tables, written as
 * insert operations. Every other group makes the next part of the new space, and knows nothing of
 * the groups before it but the tables: coder, model and scope start anew, and the cursor is at 0.
 * So an interrupted installation goes on at a group's start. A group is
 *        varint   bytes of the new space that it makes
 *        varint   blocks of the new image (64 KiB each, the last may be shorter) that end in it
 *        hashes   of those blocks: the first bytes of their SHA-256
 *        code     the operations
 *
 * The spaces: operations read the old space and make the new one. Without layouts these are the
 * images. With them, the old space is the topmost level of the old layout, in which packed parts
 * of the image lie unpacked (lib/delta/layout.h), and the new space is unpacked likewise: its
 * bytes are packed again on their way to the image. A group begins and ends where no packed item
 * of the new layout is begun.
 *
 * Operations write at the new space's end, read the old one at a cursor, or move that cursor. An
 * operation's control word is `length << 3 | kind`:
 *
 *   0 copy    `length` old bytes as they are; the cursor moves on
 *   1 add     `length` old bytes, each changed as coded; the cursor moves on
 *   2 insert  `length` literal bytes
 *   3 fill    `length` times one literal byte
 *   4 seek    moves the cursor by `length` in zigzag form (0, -1, 1, -2, ...)
 *   5 scope   the addresses of what follows: a number, how far back in the new space it begins, and
 *             the scope's own (lib/delta/scope.h); `length` is 1
 *   6 cover   as add, to the end of the scope's cover (lib/delta/walk.h); `length` is 1
 *   7 gap     as insert, to the scope's next cover or its end; `length` is 1
 *
 * No length is 0, a seek or scope is never followed by its like, and a group's operations end when
 * its part of the new space is complete.
 *
 * stored, zlib (raw deflate) and zstd: the code, unpacked, is a list of batches, so that bytes of
 * one sort lie together and still come one batch at a time:
 *        0     4  bytes of control words
 *        4     4  bytes of diffs: new minus old
 *        8     4  bytes of literals
 *       12        control words, then diffs, then literals
 * All three are used up before the next batch starts, and together fit the header's batch size.
 *
 * cm: the code is one arithmetic code of control words, changes and literals in the order in
 * which they are used; lib/delta/model.h says how their bits are predicted.
 */
#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum {
    DELTA_HEADER_BYTES = 192,
    DELTA_VERSION = 3,
    DELTA_HASH_BYTES = 32,
    DELTA_BLOCK_BYTES = 64 << 10,
    DELTA_BLOCK_HASH_BYTES_MIN = 4,
    DELTA_GROUP_HASHES_BYTES_MAX = 64 << 10,
    DELTA_BATCH_HEAD_BYTES = 12,
    DELTA_BATCH_BYTES_MIN = 64,
    DELTA_BATCH_BYTES_MAX = 384 << 10,
    DELTA_FRAME_HEAD_BYTES = 4 + DELTA_HASH_BYTES, /* of the last frame: 4 */
    DELTA_FRAME_BYTES_MIN = 64,
    DELTA_FRAME_BYTES_MAX = 64 << 10,
    DELTA_CONTROL_BYTES_MAX = 10, /* of one control word */
    DELTA_LEVELS_MAX = 4,
    DELTA_ITEMS_MAX = 1 << 20,
    DELTA_COVERS_MAX = 1 << 16,
    DELTA_TABLE_BYTES_MAX = 8 << 20,
    DELTA_REPACK_BYTES_MAX = 64 << 20,
    DELTA_ERASE_LOG2_MIN = 8,
    DELTA_ERASE_LOG2_MAX = 20,
    DELTA_SHIFT_BLOCKS_MAX = (1 << 24) - 1,
};
/* Of the old or new image, and of a space: 4 TiB. */
#define DELTA_LENGTH_MAX (UINT64_C(1) << 42)

enum delta_codec {
    DELTA_STORED,
    DELTA_ZLIB,
    DELTA_ZSTD,
    DELTA_CM,
    DELTA_CODEC_COUNT,
};

/* What applying may take, all buffers included: 48 KiB, 256 KiB, 1 MiB, 3 MiB (2 of them for
 * re-packing, by zstd mostly), 7 MiB (6 for re-packing by xz), 64 MiB (machines that do not count).
 */
enum delta_class {
    DELTA_CLASS_S,
    DELTA_CLASS_M,
    DELTA_CLASS_L,
    DELTA_CLASS_Z,
    DELTA_CLASS_X,
    DELTA_CLASS_H,
    DELTA_CLASS_COUNT,
};

enum delta_kind {
    DELTA_COPY,
    DELTA_ADD,
    DELTA_INSERT,
    DELTA_FILL,
    DELTA_SEEK,
    DELTA_SCOPE,
    DELTA_COVER,
    DELTA_GAP,
    DELTA_KIND_COUNT,
};

struct delta_header {
    enum delta_codec codec;
    unsigned codec_log2;
    enum delta_class class;
    unsigned history_log2;
    unsigned block_hash_bytes;
    unsigned old_levels;
    unsigned new_levels;
    uint32_t frame_bytes_max;
    uint32_t first_frame_bytes; /* 0 only when the body is empty */
    uint64_t old_length;
    uint64_t new_length;
    uint64_t body_length;
    uint64_t old_space;
    uint64_t new_space;
    uint32_t table_bytes;
    uint32_t items;
    uint32_t covers;
    uint32_t unpack_bytes;
    uint32_t pack_bytes;
    uint32_t batch_bytes;
    uint32_t group_blocks; /* most blocks that end in one group */
    unsigned erase_log2;   /* 0: not for an update in place */
    uint32_t shift_blocks;
    uint8_t old_sha256[DELTA_HASH_BYTES];
    uint8_t new_sha256[DELTA_HASH_BYTES];
    uint8_t frame_sha256[DELTA_HASH_BYTES]; /* of the first frame */
};

/* Refuses (DELTA_FORMAT) whatever delta_header_format() would not write. */
MUST_USE bool delta_header_read(struct bytes *in, struct delta_header *out, struct err *err);
void delta_header_format(const struct delta_header *header, struct buf *out);

/* SHA-256 of the header as a file has it: whoever signs this signs the whole patch. */
void delta_header_sha256(const struct delta_header *header, uint8_t out[DELTA_HASH_BYTES]);

/* "stored", "zlib", "zstd", "cm". */
const char *delta_codec_name(enum delta_codec codec);
/* "S" ... */
const char *delta_class_name(enum delta_class class);
uint64_t delta_class_bytes(enum delta_class class);

uint64_t delta_zigzag(int64_t value);
int64_t delta_unzigzag(uint64_t value);
