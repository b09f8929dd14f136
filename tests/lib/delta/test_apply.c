#include "lib/delta/apply.h"

#include <string.h>

#include <criterion/criterion.h>

#include "lib/crypto/hash.h"
#include "tests/support/delta_memory.h"
#include "tests/support/delta_patch.h"

static const char old_text[] = "the quick brown fox";
enum { OLD_LEN = sizeof(old_text) - 1 };

struct frame {
    const char *control;
    size_t control_len;
    const char *diffs;
    size_t diffs_len;
    const char *literals;
    size_t literals_len;
};

#define PART(text) text, sizeof(text) - 1
#define WORD(len, kind) ((len) << 3 | (kind))

/* A stored patch of one batch from `old_text` to `want`. */
static void make_stored(const struct frame *frame, const char *want, struct buf *out)
{
    size_t len = strlen(want);
    struct delta_header header = {.codec = DELTA_STORED,
                                  .class = DELTA_CLASS_M,
                                  .batch_bytes = DELTA_BATCH_BYTES_MIN,
                                  .old_length = OLD_LEN,
                                  .old_space = OLD_LEN,
                                  .new_length = len,
                                  .new_space = len};
    struct delta_patch_group group = {.space_bytes = len, .image_end = len};
    AUTO_BUF code;

    buf_init(&code, DELTA_FRAME_BYTES_MAX);
    hash_sha256(old_text, OLD_LEN, header.old_sha256);
    buf_add_u32(&code, (uint32_t)frame->control_len);
    buf_add_u32(&code, (uint32_t)frame->diffs_len);
    buf_add_u32(&code, (uint32_t)frame->literals_len);
    buf_add(&code, frame->control, frame->control_len);
    buf_add(&code, frame->diffs, frame->diffs_len);
    buf_add(&code, frame->literals, frame->literals_len);
    group.code = code.data;
    group.code_len = code.len;
    delta_patch_write(&header, (const uint8_t *)want, &group, 1, out);
}

static bool apply(struct delta_memory *memory, const struct buf *patch,
                  const struct delta_limits *limits, struct err *err)
{
    struct delta_io io = delta_memory_io(memory);

    memory->old = (const uint8_t *)old_text;
    memory->old_len = OLD_LEN;
    memory->patch = patch->data;
    memory->patch_len = patch->len;
    return delta_apply(&io, limits, NULL, err);
}

static const struct delta_limits wide = {
    .old_length = OLD_LEN, .new_length_max = 1000, .memory_bytes_max = 1 << 20};

Test(delta_apply, runs_every_kind_of_operation)
{
    static const char control[] = {WORD(4, DELTA_COPY), WORD(5, DELTA_ADD),   WORD(3, DELTA_INSERT),
                                   WORD(6, DELTA_FILL), WORD(14, DELTA_SEEK), /* 7 onwards */
                                   WORD(3, DELTA_COPY)};
    const struct frame frame = {control, sizeof(control), PART("\1\0\0\0\0"), PART("abc.")};
    const char *want = "the ruickabc......fox";
    struct err err = {0};

    for (size_t piece = 0; piece < 4; piece++) {
        AUTO_BUF patch;
        struct delta_memory memory;

        buf_init(&patch, 1000);
        make_stored(&frame, want, &patch);
        delta_memory_init(&memory, 1000);
        memory.piece = piece;

        cr_assert(apply(&memory, &patch, &wide, &err), "%s", err.text);
        cr_expect_str_eq(buf_text(&memory.out), want);
        cr_expect_eq(memory.allocations, 1);
        cr_expect_eq(memory.released, 1);
        delta_memory_done(&memory);
    }
}

Test(delta_apply, refuses_operations_that_cannot_be)
{
    static const struct {
        const char *what;
        const char *control;
        size_t control_len;
        const char *literals;
        size_t literals_len;
    } cases[] = {
        {"an unknown kind", PART("\x0f"), PART("")},
        {"a length of 0", PART("\x02"), PART("")},
        {"a copy past the old image's end", PART("\xa0\x01"), PART("")},
        {"a copy after a seek to the end", PART("\xb4\x02\x08"), PART("")},
        {"an insert past the new image's end", PART("\x1a"), PART("abc")},
        {"a fill past the new image's end", PART("\x1b"), PART("a")},
        {"a length of 2^60", PART("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), PART("")},
        {"a seek in front of the old image", PART("\x0c\x10"), PART("")},
        {"a seek behind the old image", PART("\xc4\x02\x10"), PART("")},
        {"two seeks", PART("\x14\x14\x12"), PART("ab")},
        {"literals that are missing", PART("\x12"), PART("a")},
        {"literals left over", PART("\x12"), PART("abc")},
        {"control words left over", PART("\x12\x12"), PART("abcd")},
        {"a control word cut short", PART("\x92"), PART("ab")},
        {"a control word in a longer form", PART("\x92\x80\x00"), PART("ab")},
        {"no operation at all", PART(""), PART("ab")},
        {"fewer bytes than the new image has", PART("\x0a"), PART("a")},
        {"diffs that are missing", PART("\x11"), PART("")},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct frame frame = {.control = cases[i].control,
                                    .control_len = cases[i].control_len,
                                    .diffs = "",
                                    .literals = cases[i].literals,
                                    .literals_len = cases[i].literals_len};
        AUTO_BUF patch;
        struct delta_memory memory;
        struct err err = {0};

        buf_init(&patch, 1000);
        make_stored(&frame, "ab", &patch);
        delta_memory_init(&memory, 1000);

        cr_expect_not(apply(&memory, &patch, &wide, &err), "%s", cases[i].what);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(memory.released, memory.allocations, "%s", cases[i].what);
        delta_memory_done(&memory);
    }
}

Test(delta_apply, refuses_bytes_behind_the_body_and_bodies_that_end_early)
{
    const struct frame frame = {
        .control = "\x12", .control_len = 1, .diffs = "", .literals = "ab", .literals_len = 2};

    for (int change = -3; change <= 1; change++) {
        AUTO_BUF patch;
        struct delta_memory memory;
        struct err err = {0};

        buf_init(&patch, 1000);
        make_stored(&frame, "ab", &patch);
        if (change > 0)
            buf_add_u8(&patch, 0);
        else
            patch.len -= (size_t)-change;
        delta_memory_init(&memory, 1000);

        cr_expect_eq(apply(&memory, &patch, &wide, &err), change == 0, "%d: %s", change, err.text);
        if (change != 0)
            cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%d", change);
        delta_memory_done(&memory);
    }
}

Test(delta_apply, refuses_what_the_caller_does_not_allow)
{
    static const uint8_t other[HASH_BYTES] = {1};
    static const struct {
        const char *what;
        struct delta_limits limits;
        enum refusal refusal;
    } cases[] = {
        {"a longer image", {OLD_LEN, 1, 1 << 20, NULL, NULL, NULL}, REFUSAL_DELTA_LIMIT},
        {"more memory", {OLD_LEN, 2, 1 << 16, NULL, NULL, NULL}, REFUSAL_DELTA_LIMIT},
        {"another old image", {OLD_LEN, 2, 1 << 20, other, NULL, NULL}, REFUSAL_DELTA_BASE},
        {"an old image of another length",
         {OLD_LEN + 1, 2, 1 << 20, NULL, NULL, NULL},
         REFUSAL_DELTA_BASE},
        {"another new image", {OLD_LEN, 2, 1 << 20, NULL, other, NULL}, REFUSAL_DELTA_RESULT_HASH},
        {"another header", {OLD_LEN, 2, 1 << 20, NULL, NULL, other}, REFUSAL_DELTA_FILE_HASH},
        {"nothing wrong", {OLD_LEN, 2, 1 << 20, NULL, NULL, NULL}, REFUSAL_NONE},
    };
    const struct frame frame = {
        .control = "\x12", .control_len = 1, .diffs = "", .literals = "ab", .literals_len = 2};

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF patch;
        struct delta_memory memory;
        struct err err = {0};

        buf_init(&patch, 1000);
        make_stored(&frame, "ab", &patch);
        delta_memory_init(&memory, 1000);

        cr_expect_eq(apply(&memory, &patch, &cases[i].limits, &err),
                     cases[i].refusal == REFUSAL_NONE, "%s", cases[i].what);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].what, err.text);
        cr_expect(cases[i].refusal == REFUSAL_NONE || memory.allocations == 0, "%s", cases[i].what);
        delta_memory_done(&memory);
    }
}

Test(delta_apply, refuses_a_result_with_another_hash)
{
    const struct frame frame = {
        .control = "\x12", .control_len = 1, .diffs = "", .literals = "ax", .literals_len = 2};
    AUTO_BUF patch;
    struct delta_memory memory;
    struct err err = {0};

    buf_init(&patch, 1000);
    make_stored(&frame, "ab", &patch);
    delta_memory_init(&memory, 1000);

    cr_expect_not(apply(&memory, &patch, &wide, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_RESULT_HASH);
    delta_memory_done(&memory);
}

Test(delta_apply, passes_on_the_errors_of_its_callbacks)
{
    const struct frame frame = {
        .control = "\x12", .control_len = 1, .diffs = "", .literals = "ab", .literals_len = 2};
    AUTO_BUF patch;
    struct delta_memory memory;
    struct err err = {0};

    buf_init(&patch, 1000);
    make_stored(&frame, "ab", &patch);
    delta_memory_init(&memory, 1);

    cr_expect_not(apply(&memory, &patch, &wide, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_str_eq(err.text, "the test's output is full");
    delta_memory_done(&memory);
}

/* Whatever a hostile body says, the code ends: every operation makes progress, two seeks never
 * follow each other, and reading past the group's end is refused. */
Test(delta_apply, ends_on_any_arithmetic_code)
{
    static const uint8_t want[5000];

    for (unsigned seed = 0; seed < 200; seed++) {
        struct delta_header header = {.codec = DELTA_CM,
                                      .codec_log2 = 12,
                                      .history_log2 = 12,
                                      .class = DELTA_CLASS_L,
                                      .old_length = OLD_LEN,
                                      .old_space = OLD_LEN,
                                      .new_length = sizeof(want),
                                      .new_space = sizeof(want)};
        uint8_t code[64];
        const struct delta_patch_group group = {.space_bytes = sizeof(want),
                                                .image_end = sizeof(want),
                                                .code = code,
                                                .code_len = sizeof(code)};
        AUTO_BUF patch;
        struct delta_memory memory;
        struct err err = {0};
        const struct delta_limits limits = {
            .old_length = OLD_LEN, .new_length_max = 5000, .memory_bytes_max = 1 << 20};
        uint32_t state = seed * 2654435761u + 1;

        buf_init(&patch, 1000);
        for (size_t i = 0; i < sizeof(code); i++) {
            state = state * 1664525 + 1013904223;
            code[i] = (uint8_t)(seed < 2 ? seed * 255 : state >> 24);
        }
        delta_patch_write(&header, want, &group, 1, &patch);
        delta_memory_init(&memory, 5000);

        cr_expect_not(apply(&memory, &patch, &limits, &err), "seed %u", seed);
        cr_expect(err.refusal == REFUSAL_DELTA_FORMAT || err.refusal == REFUSAL_DELTA_RESULT_HASH,
                  "seed %u: %s", seed, err.text);
        delta_memory_done(&memory);
    }
}
