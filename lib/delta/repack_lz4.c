/*
 * LZ4 blocks, packed at once by the HC encoder as squashfs and `lz4 -l` do; levels 1 and 2 are
 * the fast encoder. erofs asks how much of a file fits a block of `dictionary` bytes and moves
 * what came out to the block's end. That much given alone nearly always gives the same bytes,
 * although the encoder had seen what follows.
 */
#include <lz4.h>
#define LZ4_HC_STATIC_LINKING_ONLY
#include <lz4hc.h>

#include <string.h>

#include "lib/delta/lz4_fast.h"
#include "lib/delta/lz4_packer.h"
#include "lib/delta/lz4_unpacker.h"
#include "lib/delta/repack_gather.h"

enum {
    BLOCK_BYTES_MAX = 8 << 20,
    GATHERED_MAX = 256 << 10, /* larger blocks are packed in a window */
    HC_LEVEL_MIN = 3,
    LEVEL_MAX = 9, /* beyond, liblz4's parser takes memory that nobody gave it */
    FILLED_BYTES_MIN = 512,
    FILLED_BYTES_MAX = 1 << 20,
    FILL_FOLLOWED = 1, /* flag */
};

/* One of them: which way a block is taken. */
struct block {
    struct lz4_unpacker *unpacker;
    struct lz4_packer *packer;
    struct delta_gather *gather;
};

static bool takes(const struct delta_packing *packing)
{
    return packing->level >= 1 && packing->level <= LEVEL_MAX && packing->window_log2 == 0 &&
           packing->flags == 0 && packing->dictionary == 0;
}

static uint64_t packed_max(uint64_t unpacked_len)
{
    return unpacked_len + unpacked_len / 255 + 16; /* LZ4_COMPRESSBOUND */
}

static uint64_t coder_bytes(const struct delta_packing *packing)
{
    return packing->level < HC_LEVEL_MIN ? LZ4_FAST_TABLE_BYTES : (uint64_t)LZ4_sizeofStateHC();
}

static bool in_window(const struct delta_packing *packing, uint64_t unpacked_len)
{
    return unpacked_len > GATHERED_MAX && packing->level >= HC_LEVEL_MIN;
}

static uint64_t unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    (void)packing;
    (void)unpacked_len;
    return delta_space_of(sizeof(struct block)) + lz4_unpacker_bytes();
}

static uint64_t pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    if (unpacked_len > BLOCK_BYTES_MAX)
        return UINT64_MAX;
    return delta_space_of(sizeof(struct block)) +
           (in_window(packing, unpacked_len)
                ? lz4_packer_bytes()
                : delta_gather_bytes(unpacked_len, packed_max(unpacked_len), coder_bytes(packing)));
}

static bool pack(struct delta_gathered *block, size_t *out_len, struct err *err)
{
    const char *in = (const char *)block->in;
    char *out = (char *)block->out;
    int level = block->packing.level;
    int got;

    if (level < HC_LEVEL_MIN) {
        *out_len = lz4_fast_pack(block->in, block->in_len, block->out, block->space.next);
        return true;
    }
    got = LZ4_compress_HC_extStateHC(block->space.next, in, out, (int)block->in_len,
                                     (int)block->room, level);
    if (got <= 0)
        return err_set(err, ERR_SYSTEM, "LZ4 could not pack");
    *out_len = (size_t)got;
    return true;
}

static struct block *new_block(struct delta_space *space)
{
    struct block *block = delta_space_take(space, sizeof(*block));

    ASSERT(block);
    *block = (struct block){0};
    return block;
}

static bool unpack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                        struct delta_space *space, void **out, struct err *err)
{
    struct block *block = new_block(space);

    (void)packing;
    (void)err;
    block->unpacker = lz4_unpacker_open(unpacked_len, space);
    *out = block;
    return true;
}

static bool pack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                      struct delta_space *space, void **out, struct err *err)
{
    struct block *block = new_block(space);

    (void)err;
    if (in_window(packing, unpacked_len))
        block->packer = lz4_packer_open(packing->level, unpacked_len, space);
    else
        block->gather = delta_gather_open(packing, pack, unpacked_len, packed_max(unpacked_len),
                                          coder_bytes(packing), space);
    *out = block;
    return true;
}

static bool step(void *self, struct delta_flow *flow, struct err *err)
{
    struct block *block = self;

    if (block->unpacker)
        return lz4_unpacker_step(block->unpacker, flow, err);
    if (block->packer)
        return lz4_packer_step(block->packer, flow, err);
    return delta_gather_step(block->gather, flow, err);
}

static bool fill_takes(const struct delta_packing *packing)
{
    return packing->level >= HC_LEVEL_MIN && packing->level <= LEVEL_MAX &&
           packing->window_log2 == 0 && packing->flags <= FILL_FOLLOWED &&
           packing->dictionary >= FILLED_BYTES_MIN && packing->dictionary <= FILLED_BYTES_MAX;
}

static uint64_t fill_unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    if (unpacked_len > BLOCK_BYTES_MAX)
        return UINT64_MAX;
    return delta_gather_bytes(packing->dictionary, unpacked_len, 0);
}

static uint64_t fill_pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    if (unpacked_len > BLOCK_BYTES_MAX - DELTA_GATHER_SLACK)
        return UINT64_MAX;
    return delta_gather_bytes(unpacked_len, packing->dictionary, coder_bytes(packing));
}

static bool fill(struct delta_gathered *block, size_t *out_len, struct err *err)
{
    bool followed = block->packing.flags & FILL_FOLLOWED;
    int used = (int)block->in_len + (followed ? DELTA_GATHER_SLACK : 0);
    int got;

    for (unsigned i = 0; i < DELTA_GATHER_SLACK; i++)
        block->in[block->in_len + i] = (uint8_t)((i * 151 + 77) ^ (i * i));
    got = LZ4_compress_HC_destSize(block->space.next, (const char *)block->in, (char *)block->out,
                                   &used, (int)block->room, block->packing.level);

    if (got <= 0 || (size_t)used != block->in_len)
        return err_set(err, ERR_SYSTEM, "LZ4 could not pack");
    memmove(block->out + block->room - got, block->out, (size_t)got);
    memset(block->out, 0, block->room - (size_t)got);
    *out_len = block->room;
    return true;
}

static bool unfill(struct delta_gathered *block, size_t *out_len, struct err *err)
{
    const uint8_t *in = block->in;
    size_t in_len = block->in_len;
    int got;

    while (in_len > 0 && *in == 0) {
        in++;
        in_len--;
    }
    got = LZ4_decompress_safe((const char *)in, (char *)block->out, (int)in_len, (int)block->room);
    if (got < 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is not an LZ4 block");
    *out_len = (size_t)got;
    return true;
}

static bool fill_unpack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                             struct delta_space *space, void **out, struct err *err)
{
    (void)err;
    *out = delta_gather_open(packing, unfill, packing->dictionary, unpacked_len, 0, space);
    return true;
}

static bool fill_pack_open(const struct delta_packing *packing, uint64_t unpacked_len,
                           struct delta_space *space, void **out, struct err *err)
{
    (void)err;
    *out = delta_gather_open(packing, fill, unpacked_len, packing->dictionary, coder_bytes(packing),
                             space);
    return true;
}

static bool fill_step(void *self, struct delta_flow *flow, struct err *err)
{
    return delta_gather_step(self, flow, err);
}

extern const struct delta_repack_ops delta_repack_lz4, delta_repack_lz4_fill;

const struct delta_repack_ops delta_repack_lz4 = {"lz4",       takes,     unpack_bytes, pack_bytes,
                                                  unpack_open, pack_open, step};
const struct delta_repack_ops delta_repack_lz4_fill = {
    "lz4-fill",       fill_takes,     fill_unpack_bytes, fill_pack_bytes,
    fill_unpack_open, fill_pack_open, fill_step};
