#include <lz4.h>
#define LZ4_HC_STATIC_LINKING_ONLY
#include <criterion/criterion.h>
#include <lz4hc.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/delta/lz4_fast.h"
#include "lib/delta/repack.h"

enum { LENGTH = 100000, ROOM = 200000 };

/* clang-format off */
static const struct {
    const char *what;
    struct delta_packing packing;
} methods[] = {
    {"deflate level 6",    {DELTA_METHOD_DEFLATE, 6,  15, 8,    0}},
    {"deflate level 9",    {DELTA_METHOD_DEFLATE, 9,  15, 9,    0}},
    {"deflate, small",     {DELTA_METHOD_DEFLATE, 1,  9,  1,    0}},
    {"deflate, filtered",  {DELTA_METHOD_DEFLATE, 6,  12, 0x18, 0}},
    {"zlib level 9",       {DELTA_METHOD_ZLIB,    9,  15, 8,    0}},
    {"GNU gzip level 1", {DELTA_METHOD_GNU_GZIP, 1, 0, 0, 0}},
    {"GNU gzip level 6", {DELTA_METHOD_GNU_GZIP, 6, 0, 0, 0}},
    {"GNU gzip level 9", {DELTA_METHOD_GNU_GZIP, 9, 0, 0, 0}},
    {"zstd level 15",      {DELTA_METHOD_ZSTD,    15, 0,  0,    0}},
    {"zstd level 1",       {DELTA_METHOD_ZSTD,    1,  0,  0,    0}},
    {"xz level 6",         {DELTA_METHOD_XZ,      6,  0,  1,    1 << 17}},
    {"xz level 0, CRC-64", {DELTA_METHOD_XZ,      0,  0,  4,    8192}},
    {"LZ4 level 9",        {DELTA_METHOD_LZ4,     9,  0,  0,    0}},
    {"LZ4 level 5",        {DELTA_METHOD_LZ4,     5,  0,  0,    0}},
    {"padded", {DELTA_METHOD_PADDED, 0, 0, 0, LENGTH + 5000}},
    {"LZ4 level 1",        {DELTA_METHOD_LZ4,     1,  0,  0,    0}},
};
/* clang-format on */

static void fill(uint8_t *data, size_t len)
{
    static const char words[] = "the same words again and again ";
    uint32_t seed = 1;

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = i % 97 < 60 ? (uint8_t)words[i % 31] : (uint8_t)(seed >> 28);
    }
}

/* Runs either direction in portions; the bytes that came out, or -1. */
/* NOLINTNEXTLINE(readability-function-size): a flow has two ends */
static long flow_all(bool packs, const struct delta_packing *packing, const uint8_t *in, size_t len,
                     uint64_t unpacked_len, uint8_t *out, size_t portion)
{
    const struct delta_repack_ops *ops = delta_repack_find(packing->method);
    uint64_t bytes =
        packs ? ops->pack_bytes(packing, unpacked_len) : ops->unpack_bytes(packing, unpacked_len);
    AUTO_FREE uint8_t *memory = mem_alloc(bytes + DELTA_SPACE_ALIGN);
    struct delta_space space = {memory, bytes};
    struct delta_flow flow = {.out = out};
    struct err err = {0};
    size_t given = 0;
    void *self = NULL;

    space.next += (DELTA_SPACE_ALIGN - (uintptr_t)memory % DELTA_SPACE_ALIGN) % DELTA_SPACE_ALIGN;
    cr_assert(
        (packs ? ops->pack_open : ops->unpack_open)(packing, unpacked_len, &space, &self, &err));
    for (int steps = 0; !flow.done && steps < 10 * ROOM; steps++) {
        if (flow.in_len == 0) {
            flow.in = in + given;
            flow.in_len = len - given < portion ? len - given : portion;
            given += flow.in_len;
        }
        flow.ending = given == len;
        flow.room = portion;
        if (flow.room > ROOM - (size_t)(flow.out - out))
            flow.room = ROOM - (size_t)(flow.out - out);
        if (!ops->step(self, &flow, &err))
            return -1;
    }
    return flow.done && flow.in_len == 0 ? flow.out - out : -1;
}

Test(delta_repack, unpacks_what_it_packed_in_any_portions_and_the_memory_it_said)
{
    static const size_t portions[] = {1, 977, 65536, ROOM};
    AUTO_FREE uint8_t *data = mem_alloc(LENGTH);
    AUTO_FREE uint8_t *packed = mem_alloc(ROOM);
    AUTO_FREE uint8_t *again = mem_alloc(ROOM);

    fill(data, LENGTH);
    for (size_t i = 0; i < COUNT(methods); i++) {
        long first = -1;

        for (size_t k = 0; k < COUNT(portions); k++) {
            const struct delta_packing *packing = &methods[i].packing;
            long len = flow_all(true, packing, data, LENGTH, LENGTH, packed, portions[k]);
            long back = flow_all(false, packing, packed, (size_t)len, LENGTH, again, portions[k]);

            cr_assert(len > 0 && (first < 0 || len == first), "%s", methods[i].what);
            cr_assert(back == LENGTH && memcmp(data, again, LENGTH) == 0, "%s", methods[i].what);
            first = len;
        }
    }
}

Test(delta_repack, refuses_bytes_that_nobody_packed)
{
    AUTO_FREE uint8_t *data = mem_alloc(LENGTH);
    AUTO_FREE uint8_t *out = mem_alloc(ROOM);

    memset(data, 0xff, LENGTH);
    for (size_t i = 0; i < COUNT(methods); i++)
        cr_expect(flow_all(false, &methods[i].packing, data, 1000, 2000, out, 512) < 0, "%s",
                  methods[i].what);
}

Test(delta_repack, refuses_more_than_a_block_may_hold)
{
    AUTO_FREE uint8_t *data = mem_alloc(LENGTH);
    AUTO_FREE uint8_t *out = mem_alloc(ROOM);
    static const struct delta_packing zstd = {DELTA_METHOD_ZSTD, 3, 0, 0, 0};

    cr_expect(flow_all(true, &zstd, data, 1001, 1000, out, 512) < 0);
}

Test(delta_packing, reads_what_it_wrote_and_refuses_other_parameters)
{
    static const struct {
        const char *what;
        struct delta_packing packing;
    } wrong[] = {
        {"an unknown method", {DELTA_METHOD_COUNT, 6, 15, 8, 0}},
        {"level 0 of deflate", {DELTA_METHOD_DEFLATE, 0, 15, 8, 0}},
        {"level 10 of deflate", {DELTA_METHOD_DEFLATE, 10, 15, 8, 0}},
        {"a window of 2^16", {DELTA_METHOD_DEFLATE, 9, 16, 8, 0}},
        {"a window of 2^8", {DELTA_METHOD_ZLIB, 9, 8, 8, 0}},
        {"no memory", {DELTA_METHOD_ZLIB, 9, 15, 0, 0}},
        {"an unknown strategy", {DELTA_METHOD_ZLIB, 9, 15, 0x58, 0}},
        {"level 23 of zstd", {DELTA_METHOD_ZSTD, 23, 0, 0, 0}},
        {"a dictionary for zstd", {DELTA_METHOD_ZSTD, 3, 0, 0, 1}},
        {"xz without a dictionary", {DELTA_METHOD_XZ, 6, 0, 1, 0}},
        {"an unknown check", {DELTA_METHOD_XZ, 6, 0, 2, 1 << 17}},
        {"a block of 0 bytes to fill", {DELTA_METHOD_LZ4_FILL, 9, 0, 0, 0}},
        {"an unknown flag of a filled block", {DELTA_METHOD_LZ4_FILL, 9, 0, 2, 4096}},
        {"a padded block of 0 bytes", {DELTA_METHOD_PADDED, 0, 0, 0, 0}},
        {"level 10 of LZ4", {DELTA_METHOD_LZ4, 10, 0, 0, 0}},
    };

    for (size_t i = 0; i < COUNT(methods); i++) {
        AUTO_BUF buf;
        struct delta_packing packing;
        struct bytes in;
        struct err err;

        buf_init(&buf, DELTA_PACKING_BYTES);
        delta_packing_format(&methods[i].packing, &buf);
        in = bytes_of(buf.data, buf.len);
        cr_expect(delta_packing_read(&in, &packing, &err), "%s", methods[i].what);
        cr_expect(memcmp(&packing, &methods[i].packing, sizeof(packing)) == 0);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        AUTO_BUF buf;
        struct delta_packing packing;
        struct bytes in;
        struct err err;

        buf_init(&buf, DELTA_PACKING_BYTES);
        delta_packing_format(&wrong[i].packing, &buf);
        in = bytes_of(buf.data, buf.len);
        cr_expect_not(delta_packing_read(&in, &packing, &err), "%s", wrong[i].what);
    }
}

/* liblz4 gives these bytes where CPUs have 64 bits and are little-endian. */
Test(delta_repack, packs_as_liblz4s_fast_encoder_does)
{
    AUTO_FREE uint8_t *data = mem_alloc(LENGTH);
    AUTO_FREE uint8_t *want = mem_alloc(ROOM);
    AUTO_FREE uint8_t *got = mem_alloc(ROOM);
    AUTO_FREE uint8_t *table = mem_alloc(LZ4_FAST_TABLE_BYTES);
    uint32_t seed = 1;

    for (unsigned round = 0; round < 400; round++) {
        static const size_t ends[] = {0, 1, 12, 13, 14, 100, 65535, 65546, 65547, 65548, 99999};
        size_t len = round < 11 ? ends[round] : (seed = seed * 1664525 + 1013904223) >> 8;
        unsigned letters = 2 + round % 60;

        len %= LENGTH;
        for (size_t i = 0; i < len;) {
            size_t run = 1 + ((seed = seed * 1664525 + 1013904223) >> 27);
            size_t back = (seed >> 9) % (i + 1);

            for (; run > 0 && i < len; run--, i++)
                data[i] = round % 3 > 0 && i > 200 && back > 4
                              ? data[i - back]
                              : (uint8_t)((seed >> (run % 16)) % letters);
        }
        size_t packed =
            (size_t)LZ4_compress_fast((const char *)data, (char *)want, (int)len, ROOM, 1);
        if (sizeof(void *) == 8) {
            cr_assert_eq(lz4_fast_pack(data, len, got, table), packed, "round %u, %zu", round, len);
            cr_assert_arr_eq(got, want, packed, "round %u, %zu", round, len);
        }
    }
}

/* A match that went on behind the block's last byte, as the block's own packer saw it. */
Test(delta_repack, fills_a_block_as_if_more_of_the_file_followed)
{
    static const struct delta_packing alone = {DELTA_METHOD_LZ4_FILL, 9, 0, 0, 512};
    static const struct delta_packing followed = {DELTA_METHOD_LZ4_FILL, 9, 0, 1, 512};
    AUTO_FREE uint8_t *data = mem_alloc(LENGTH);
    AUTO_FREE uint8_t *want = mem_alloc(ROOM);
    AUTO_FREE uint8_t *packed = mem_alloc(ROOM);
    AUTO_FREE uint8_t *again = mem_alloc(ROOM);
    AUTO_FREE uint8_t *state = mem_alloc((size_t)LZ4_sizeofStateHC());
    static const char words[] = "the encoder looks at more than it can take in one block, and ";
    unsigned only_followed = 0;
    uint32_t state_of_words = 1;

    for (size_t i = 0; i < LENGTH;) {
        size_t at = (state_of_words = state_of_words * 1664525 + 1013904223) >> 8 & 31;

        for (size_t len = 4 + (state_of_words >> 20 & 15); len > 0 && i < LENGTH; len--)
            data[i++] = (uint8_t)words[at++];
    }
    for (int from = 0; from < 4000; from += 100) {
        int used = 20000;
        int got = LZ4_compress_HC_destSize(state, (const char *)data + from, (char *)again, &used,
                                           512, 9);
        bool is_alone;

        cr_assert_gt(got, 0);
        memset(want, 0, (size_t)(512 - got));
        memcpy(want + 512 - got, again, (size_t)got);
        is_alone =
            flow_all(true, &alone, data + from, (size_t)used, (size_t)used, packed, 100) == 512 &&
            memcmp(packed, want, 512) == 0;
        if (flow_all(true, &followed, data + from, (size_t)used, (size_t)used, packed, 100) ==
                512 &&
            memcmp(packed, want, 512) == 0)
            only_followed += !is_alone;
        else
            cr_expect(is_alone, "from %d", from);
    }
    cr_expect_gt(only_followed, 0);
}

Test(delta_repack, fills_a_block_and_refuses_what_does_not_fit_it)
{
    static const struct delta_packing packing = {DELTA_METHOD_LZ4_FILL, 9, 0, 0, 4096};
    AUTO_FREE uint8_t *data = mem_alloc(LENGTH);
    AUTO_FREE uint8_t *packed = mem_alloc(ROOM);
    AUTO_FREE uint8_t *again = mem_alloc(ROOM);

    fill(data, LENGTH);
    cr_assert_eq(flow_all(true, &packing, data, 5000, 5000, packed, 1000), 4096);
    cr_expect_eq(packed[0], 0);
    cr_assert_eq(flow_all(false, &packing, packed, 4096, 5000, again, 1000), 5000);
    cr_expect(memcmp(data, again, 5000) == 0);
    cr_expect(flow_all(true, &packing, data, LENGTH, LENGTH, packed, 1000) < 0);
}
