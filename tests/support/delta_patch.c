/* The chain of frames is the generator's own. */
#include "tests/support/delta_patch.h"

#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/frames.h"

static uint64_t blocks_until(const struct delta_header *header, uint64_t at)
{
    return at / DELTA_BLOCK_BYTES + (at == header->new_length && at % DELTA_BLOCK_BYTES != 0);
}

static void add_hashes(const struct delta_header *header, const uint8_t *want,
                       const struct delta_patch_group *group, struct buf *out)
{
    uint64_t first = blocks_until(header, group->image_from);
    uint64_t last = blocks_until(header, group->image_end);

    buf_add_varint(out, last - first);
    for (uint64_t i = first; i < last; i++) {
        uint64_t start = i * DELTA_BLOCK_BYTES;
        uint64_t left = header->new_length - start;
        uint8_t hash[HASH_BYTES];

        hash_sha256(want + start, left < DELTA_BLOCK_BYTES ? (size_t)left : DELTA_BLOCK_BYTES,
                    hash);
        buf_add(out, hash, header->block_hash_bytes);
    }
}

void delta_patch_write(struct delta_header *header, const uint8_t *want,
                       const struct delta_patch_group *groups, size_t count, struct buf *out)
{
    AUTO_FREE size_t *ends = mem_array(count + 1, sizeof(*ends));
    AUTO_BUF payload;

    buf_init(&payload, SIZE_MAX / 4);
    if (header->block_hash_bytes == 0)
        header->block_hash_bytes = 8;
    if (header->group_blocks == 0)
        header->group_blocks = 16;
    for (size_t i = 0; i < count; i++) {
        buf_add_varint(&payload, groups[i].space_bytes);
        add_hashes(header, want, &groups[i], &payload);
        buf_add(&payload, groups[i].code, groups[i].code_len);
        ends[i] = payload.len;
    }
    hash_sha256(want, (size_t)header->new_length, header->new_sha256);
    delta_frames_write(&payload, ends, count, DELTA_FRAME_BYTES_MAX, header, out);
}
