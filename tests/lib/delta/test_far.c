/*
 * Old images beyond 2^31 and 2^32 bytes: nobody holds them, each byte follows from its offset.
 * tests/deltagen/large.sh does the same with real files.
 */
#include "lib/delta/apply.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/crypto/hash.h"
#include "tests/support/delta_memory.h"
#include "tests/support/delta_patch.h"

#define TWO_31 (UINT64_C(1) << 31)
#define TWO_32 (UINT64_C(1) << 32)
#define OLD_LENGTH (TWO_32 + 1000)

enum { NEW_MAX = 1000, CODE_MAX = 2000, PATCH_MAX = 10000, MEMORY_MAX = 1 << 20 };

static uint8_t old_byte(uint64_t offset)
{
    return (uint8_t)((offset * UINT64_C(0x9E3779B97F4A7C15)) >> 40);
}

static bool read_far(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    uint8_t *out = buf;

    (void)arg;
    (void)err;
    cr_assert(offset <= OLD_LENGTH && len <= OLD_LENGTH - offset, "within the old image");
    for (size_t i = 0; i < len; i++)
        out[i] = old_byte(offset + i);
    return true;
}

/* A piece of the old image. */
struct piece {
    uint64_t from;
    uint64_t length;
};

static uint64_t zigzag(int64_t number)
{
    return number < 0 ? ((uint64_t)-number << 1) - 1 : (uint64_t)number << 1;
}

/* A patch that seeks to each piece and copies it; `want` is what should come, as far as it can. */
static void make_patch(const struct piece *pieces, size_t count, struct buf *want, struct buf *out)
{
    struct delta_header header = {.codec = DELTA_STORED,
                                  .class = DELTA_CLASS_M,
                                  .batch_bytes = DELTA_BATCH_BYTES_MIN,
                                  .old_length = OLD_LENGTH,
                                  .old_space = OLD_LENGTH};
    struct delta_patch_group group = {0};
    uint64_t cursor = 0;
    AUTO_BUF control;
    AUTO_BUF code;

    buf_init(&control, NEW_MAX);
    buf_init(&code, CODE_MAX);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].from != cursor)
            buf_add_varint(&control, zigzag((int64_t)(pieces[i].from - cursor)) << 3 | DELTA_SEEK);
        buf_add_varint(&control, pieces[i].length << 3 | DELTA_COPY);
        for (uint64_t j = 0; j < pieces[i].length; j++)
            buf_add_u8(want, old_byte(pieces[i].from + j));
        cursor = pieces[i].from + pieces[i].length;
    }
    buf_add_u32(&code, (uint32_t)control.len);
    buf_add_u32(&code, 0);
    buf_add_u32(&code, 0);
    buf_add(&code, control.data, control.len);
    header.new_length = header.new_space = want->len;
    group = (struct delta_patch_group){
        .space_bytes = want->len, .image_end = want->len, .code = code.data, .code_len = code.len};
    delta_patch_write(&header, want->data, &group, 1, out);
}

static bool apply(const struct buf *patch, struct delta_memory *memory, struct err *err)
{
    struct delta_limits limits = {
        .old_length = OLD_LENGTH, .new_length_max = NEW_MAX, .memory_bytes_max = MEMORY_MAX};
    struct delta_io io = delta_memory_io(memory);

    io.read_old = read_far;
    memory->patch = patch->data;
    memory->patch_len = patch->len;
    return delta_apply(&io, &limits, NULL, err);
}

Test(delta_far, copies_lie_across_both_boundaries)
{
    static const struct piece pieces[] = {
        {TWO_31 - 3, 7},       {TWO_32 - 5, 11},  {0, 3},      {TWO_31, 20},
        {OLD_LENGTH - 30, 30}, {TWO_31 - 60, 60}, {TWO_32, 1}, {1, 40},
    };
    struct delta_memory memory;
    struct err err = {0};
    AUTO_BUF want;
    AUTO_BUF patch;

    buf_init(&want, NEW_MAX);
    buf_init(&patch, PATCH_MAX);
    make_patch(pieces, COUNT(pieces), &want, &patch);
    delta_memory_init(&memory, NEW_MAX);
    cr_assert(apply(&patch, &memory, &err), "%s", err.text);
    cr_assert_eq(memory.out.len, want.len);
    cr_expect_arr_eq(memory.out.data, want.data, want.len);
    delta_memory_done(&memory);
}

Test(delta_far, what_lies_behind_the_end_is_refused)
{
    /* With 32 bits some of them would lie within. */
    static const struct piece cases[] = {
        {OLD_LENGTH - 1, 2}, {OLD_LENGTH + 1, 1}, {2 * TWO_32, 10}, {OLD_LENGTH + TWO_32, 1},
        {0 - TWO_32, 10},    {0 - TWO_31, 10},    {OLD_LENGTH, 1},  {TWO_32 + TWO_31, 10},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct delta_memory memory;
        struct err err = {0};
        AUTO_BUF want;
        AUTO_BUF patch;

        buf_init(&want, NEW_MAX);
        buf_init(&patch, PATCH_MAX);
        make_patch(&cases[i], 1, &want, &patch);
        delta_memory_init(&memory, NEW_MAX);
        cr_expect_not(apply(&patch, &memory, &err), "case %zu", i);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "case %zu: %s", i, err.text);
        cr_expect_eq(memory.out.len, 0, "case %zu", i);
        delta_memory_done(&memory);
    }
}

Test(delta_far, another_length_is_another_image)
{
    static const struct piece piece = {5, 5};
    struct delta_limits limits = {.new_length_max = NEW_MAX, .memory_bytes_max = MEMORY_MAX};
    const uint64_t lengths[] = {OLD_LENGTH - TWO_32, OLD_LENGTH - 1, OLD_LENGTH + TWO_32};
    AUTO_BUF want;
    AUTO_BUF patch;

    buf_init(&want, NEW_MAX);
    buf_init(&patch, PATCH_MAX);
    make_patch(&piece, 1, &want, &patch);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct delta_memory memory;
        struct err err = {0};
        struct delta_io io;

        delta_memory_init(&memory, NEW_MAX);
        io = delta_memory_io(&memory);
        io.read_old = read_far;
        memory.patch = patch.data;
        memory.patch_len = patch.len;
        limits.old_length = lengths[i];
        cr_expect_not(delta_apply(&io, &limits, NULL, &err));
        cr_expect_eq(err.refusal, REFUSAL_DELTA_BASE, "case %zu: %s", i, err.text);
        delta_memory_done(&memory);
    }
}

Test(delta_far, checkpoints_name_places_beyond_both)
{
    static const uint64_t places[] = {TWO_31 - 1, TWO_31, TWO_32 - 1, TWO_32, 9 * TWO_32 + 7};

    for (size_t i = 0; i < COUNT(places); i++) {
        const struct delta_checkpoint point = {.frame = {.offset = places[i], .bytes = 100},
                                               .new_space_at = places[i] + 1,
                                               .image_at = places[i] + 2,
                                               .verified = 1000000};
        uint8_t record[DELTA_CHECKPOINT_BYTES];
        struct delta_checkpoint back;
        struct err err = {0};

        delta_checkpoint_format(&point, record);
        cr_assert(delta_checkpoint_read(record, &back, &err), "%s", err.text);
        cr_expect_eq(back.frame.offset, places[i]);
        cr_expect_eq(back.new_space_at, places[i] + 1);
        cr_expect_eq(back.image_at, places[i] + 2);
    }
}
