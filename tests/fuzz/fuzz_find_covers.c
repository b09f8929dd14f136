/*
 * Covers of any two images with any hints are in order, do not overlap and lie in both images.
 * The first bytes say where the images part and what the hints are.
 */
#include "deltagen/find.h"
#include "deltagen/unpack.h"
#include "lib/base/bytes.h"

enum { HINTS = 3, LEN_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct matches *covers, const struct image *old,
                  const struct image *new_image)
{
    size_t floor = 0;

    for (size_t i = 0; i < covers->count; i++) {
        const struct match *cover = &covers->items[i];

        ASSERT(cover->len > 0 && cover->new_pos >= floor);
        ASSERT(cover->new_pos <= new_image->len && cover->len <= new_image->len - cover->new_pos);
        ASSERT(cover->old_pos <= old->len && cover->len <= old->len - cover->old_pos);
        floor = cover->new_pos + cover->len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    uint64_t share = bytes_u8(&in);
    uint64_t memory = bytes_u8(&in);
    struct counterpart pairs[HINTS];
    struct find_options options = {.hints = {pairs, HINTS}, .memory_bytes = memory * 256};
    struct matches covers = {0};
    struct image old;
    struct image new_image;
    uint64_t new_at = 0;
    size_t left;

    for (size_t i = 0; i < HINTS; i++) {
        new_at += bytes_u16(&in);
        pairs[i] = (struct counterpart){.old_at = bytes_u16(&in),
                                        .old_len = bytes_u16(&in),
                                        .new_at = new_at,
                                        .new_len = bytes_u16(&in)};
    }
    if (in.failed || bytes_left(&in) > LEN_MAX)
        return 0;
    left = bytes_left(&in);
    old = (struct image){data + size - left, left * share / 255};
    new_image = (struct image){old.data + old.len, left - old.len};
    find_covers(&old, &new_image, &options, &covers);
    check(&covers, &old, &new_image);
    matches_done(&covers);
    return 0;
}
