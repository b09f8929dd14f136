#include "lib/delta/format.h"

#include <string.h>

#include <criterion/criterion.h>

static const struct delta_header good = {.codec = DELTA_ZSTD,
                                         .codec_log2 = 20,
                                         .class = DELTA_CLASS_X,
                                         .block_hash_bytes = 8,
                                         .frame_bytes_max = 4096,
                                         .first_frame_bytes = 300,
                                         .batch_bytes = 4096,
                                         .group_blocks = 16,
                                         .old_length = 1000,
                                         .new_length = 2000,
                                         .body_length = 300,
                                         .old_space = 1000,
                                         .new_space = 2000,
                                         .frame_sha256 = {7, 8, 9},
                                         .old_sha256 = {1, 2, 3},
                                         .new_sha256 = {4, 5, 6}};

Test(delta_header, comes_back_as_it_was_written)
{
    static const struct delta_header cases[] = {
        {.codec = DELTA_STORED,
         .block_hash_bytes = DELTA_BLOCK_HASH_BYTES_MIN,
         .batch_bytes = DELTA_BATCH_BYTES_MIN,
         .frame_bytes_max = DELTA_FRAME_BYTES_MIN,
         .first_frame_bytes = 1,
         .body_length = 1},
        {.codec = DELTA_ZLIB,
         .codec_log2 = 15,
         .class = DELTA_CLASS_H,
         .block_hash_bytes = DELTA_HASH_BYTES,
         .group_blocks = DELTA_GROUP_HASHES_BYTES_MAX / DELTA_HASH_BYTES,
         .batch_bytes = DELTA_BATCH_BYTES_MAX,
         .frame_bytes_max = DELTA_FRAME_BYTES_MAX,
         .first_frame_bytes = DELTA_FRAME_BYTES_MAX,
         .body_length = DELTA_LENGTH_MAX},
        {.codec = DELTA_CM,
         .codec_log2 = 12,
         .history_log2 = 12,
         .block_hash_bytes = 8,
         .frame_bytes_max = 32 << 10,
         .first_frame_bytes = 1,
         .body_length = 1,
         .new_length = DELTA_LENGTH_MAX,
         .old_space = DELTA_LENGTH_MAX,
         .old_levels = DELTA_LEVELS_MAX,
         .new_levels = DELTA_LEVELS_MAX,
         .new_space = 1,
         .items = DELTA_ITEMS_MAX,
         .covers = DELTA_COVERS_MAX,
         .table_bytes = DELTA_TABLE_BYTES_MAX,
         .unpack_bytes = DELTA_REPACK_BYTES_MAX,
         .pack_bytes = DELTA_REPACK_BYTES_MAX,
         .erase_log2 = DELTA_ERASE_LOG2_MAX,
         .shift_blocks = DELTA_SHIFT_BLOCKS_MAX},
    };

    for (size_t i = 0; i <= COUNT(cases); i++) {
        const struct delta_header *header = i < COUNT(cases) ? &cases[i] : &good;
        AUTO_BUF text;
        AUTO_BUF again;
        struct delta_header back;
        struct err err = {0};
        struct bytes in;

        buf_init(&text, 1000);
        buf_init(&again, 1000);
        delta_header_format(header, &text);
        in = bytes_of(text.data, text.len);

        cr_assert_eq(text.len, DELTA_HEADER_BYTES);
        cr_assert(delta_header_read(&in, &back, &err), "case %zu: %s", i, err.text);
        delta_header_format(&back, &again);
        cr_expect_eq(memcmp(text.data, again.data, text.len), 0, "case %zu", i);
        cr_expect_eq(back.new_length, header->new_length);
    }
}

Test(delta_header, refuses_fields_that_cannot_be)
{
    static const struct {
        const char *what;
        size_t offset;
        size_t len;
        uint8_t bytes[8];
    } cases[] = {
        {"another magic", 0, 1, {'X'}},
        {"another magic's end", 7, 1, {'2'}},
        {"version 0", 8, 2, {0, 0}},
        {"version 2, which has no spaces", 8, 2, {2, 0}},
        {"version 4", 8, 2, {4, 0}},
        {"an unknown coder", 10, 1, {4}},
        {"a zstd window of 2^9", 11, 1, {9}},
        {"a zstd window of 2^28", 11, 1, {28}},
        {"a zlib window of 2^16", 10, 2, {1, 16}},
        {"a zlib window of 2^8", 10, 2, {1, 8}},
        {"a window of the stored coder", 10, 2, {0, 1}},
        {"batches of cm", 10, 2, {3, 16}},
        {"an unknown class", 12, 1, {6}},
        {"a history of zstd", 13, 1, {16}},
        {"block hashes of 3 bytes", 14, 1, {3}},
        {"block hashes of 33 bytes", 14, 1, {33}},
        {"levels without items", 15, 1, {1}},
        {"5 levels", 15, 1, {5}},
        {"frames of 63 bytes", 16, 4, {63, 0, 0, 0}},
        {"frames of 64 KiB and one byte", 16, 4, {1, 0, 1, 0}},
        {"no first frame", 20, 4, {0, 0, 0, 0}},
        {"a first frame larger than the body", 20, 4, {45, 1, 0, 0}},
        {"an old image of 2^42 + 1 bytes", 24, 8, {1, 0, 0, 0, 0, 4, 0, 0}},
        {"a new image of 2^42 + 1 bytes", 32, 8, {1, 0, 0, 0, 0, 4, 0, 0}},
        {"a body of 2^63 bytes", 40, 8, {0, 0, 0, 0, 0, 0, 0, 0x80}},
        {"no body, and a frame", 40, 2, {0, 0}},
        {"levels of the new layout without items", 15, 1, {16}},
        {"an old space without levels", 48, 2, {0, 0}},
        {"a new space without levels", 56, 2, {1, 0}},
        {"a new space of 2^42 + 1 bytes", 56, 8, {1, 0, 0, 0, 0, 4, 0, 0}},
        {"tables of 8 MiB and one byte", 64, 4, {1, 0, 0x80, 0}},
        {"items without levels", 68, 4, {1, 0, 0, 0}},
        {"65537 covers", 72, 4, {1, 0, 1, 0}},
        {"2^31 bytes for unpacking", 76, 4, {0, 0, 0, 0x80}},
        {"2^31 bytes for packing", 80, 4, {0, 0, 0, 0x80}},
        {"a batch of 63 bytes", 84, 4, {63, 0, 0, 0}},
        {"a batch of 384 KiB and one byte", 84, 4, {1, 0, 6, 0}},
        {"more than 64 KiB of hashes", 88, 4, {1, 0x20, 0, 0}},
        {"erase blocks of 128 bytes", 92, 4, {7, 1, 0, 0}},
        {"erase blocks of 2 MiB", 92, 4, {21, 1, 0, 0}},
        {"a shift of no blocks", 92, 4, {12, 0, 0, 0}},
        {"a shift by blocks of no size", 92, 4, {0, 1, 0, 0}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF text;
        struct delta_header header;
        struct err err = {0};
        struct bytes in;

        buf_init(&text, 1000);
        delta_header_format(&good, &text);
        memcpy(text.data + cases[i].offset, cases[i].bytes, cases[i].len);
        in = bytes_of(text.data, text.len);

        cr_expect_not(delta_header_read(&in, &header, &err), "%s", cases[i].what);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%s", cases[i].what);
    }
}

Test(delta_header, refuses_every_truncation)
{
    AUTO_BUF text;

    buf_init(&text, 1000);
    delta_header_format(&good, &text);
    for (size_t len = 0; len < text.len; len++) {
        struct bytes in = bytes_of(text.data, len);
        struct delta_header header;
        struct err err = {0};

        cr_expect_not(delta_header_read(&in, &header, &err), "%zu bytes", len);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%zu bytes", len);
    }
}

Test(delta_zigzag, goes_there_and_back)
{
    static const int64_t cases[] = {0, -1, 1, -2, 2, 1000000, -1000000, INT64_MAX, INT64_MIN};

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(delta_unzigzag(delta_zigzag(cases[i])), cases[i], "case %zu", i);
    cr_expect_eq(delta_zigzag(-1), 1);
    cr_expect_eq(delta_zigzag(1), 2);
}
