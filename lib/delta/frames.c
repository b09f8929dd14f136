/* A frame holds the size and hash of the one behind it, so the last is made first. Frames are laid
 * out before: how many a group has follows from its length. */
#include "lib/delta/frames.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/crypto/hash.h"

#define GROUP_END (UINT32_C(1) << 31)

struct piece {
    size_t start, end; /* of the payload */
    bool ends_group;
};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static size_t pieces_of(const size_t *ends, size_t groups, uint32_t frame_bytes,
                        struct piece *pieces)
{
    size_t step = frame_bytes - DELTA_FRAME_HEAD_BYTES;
    size_t count = 0;
    size_t start = 0;

    for (size_t i = 0; i < groups; i++) {
        do {
            size_t end = ends[i] - start > step ? start + step : ends[i];

            if (pieces)
                pieces[count] = (struct piece){start, end, end == ends[i]};
            count++;
            start = end;
        } while (start < ends[i]);
    }
    return count;
}

void delta_frames_write(const struct buf *payload, const size_t *ends, size_t groups,
                        uint32_t frame_bytes, struct delta_header *header, struct buf *out)
{
    size_t count = pieces_of(ends, groups, frame_bytes, NULL);
    AUTO_FREE struct piece *pieces = mem_array(count + 1, sizeof(*pieces));
    AUTO_FREE uint8_t *body = mem_alloc(payload->len + count * DELTA_FRAME_HEAD_BYTES + 1);
    uint8_t *at = body + payload->len + count * DELTA_FRAME_HEAD_BYTES;
    const uint8_t *end = at;
    uint32_t next_bytes = 0;
    uint32_t largest = DELTA_FRAME_BYTES_MIN;

    (void)pieces_of(ends, groups, frame_bytes, pieces);
    hash_sha256("", 0, header->frame_sha256);
    for (size_t i = count; i-- > 0;) {
        const struct piece *piece = &pieces[i];
        size_t head = next_bytes > 0 ? DELTA_FRAME_HEAD_BYTES : sizeof(uint32_t);

        at -= piece->end - piece->start;
        memcpy(at, payload->data + piece->start, piece->end - piece->start);
        at -= head;
        put_u32(at, next_bytes | (piece->ends_group ? GROUP_END : 0));
        if (next_bytes > 0)
            memcpy(at + sizeof(uint32_t), header->frame_sha256, DELTA_HASH_BYTES);
        next_bytes = (uint32_t)(head + (piece->end - piece->start));
        hash_sha256(at, next_bytes, header->frame_sha256);
        if (next_bytes > largest)
            largest = next_bytes;
    }
    header->frame_bytes_max = largest;
    header->first_frame_bytes = next_bytes;
    header->body_length = (uint64_t)(end - at);
    delta_header_format(header, out);
    buf_add(out, at, (size_t)(end - at));
}
