#include "deltagen/make.h"

#include <string.h>
#include <sys/mman.h>

#include <criterion/criterion.h>

#include "deltagen/check.h"
#include "lib/base/mem.h"
#include "lib/delta/apply.h"
#include "tests/support/delta_memory.h"

enum { LEN = 40000 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* Looks a little like a program: words that repeat, some of them changed everywhere. */
static void fill_program(uint8_t *data, size_t len, uint32_t seed)
{
    uint32_t state = seed;

    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i % 7 < 4 ? (size_t)next_random(&state) % 23 * 11 : (i * i) >> 5);
}

struct pair {
    uint8_t *old;
    size_t old_len;
    uint8_t *new_data;
    size_t new_len;
};

static void pair_init(struct pair *pair, size_t old_len, size_t new_len)
{
    *pair = (struct pair){mem_alloc(old_len), old_len, mem_alloc(new_len), new_len};
    fill_program(pair->old, old_len, 5);
    memcpy(pair->new_data, pair->old, old_len < new_len ? old_len : new_len);
}

static void pair_done(struct pair *pair)
{
    mem_free(pair->old);
    mem_free(pair->new_data);
}

static void pair_shuffle(struct pair *pair)
{
    for (size_t i = 0; i < LEN / 1000; i++)
        memcpy(pair->new_data + i * 1000, pair->old + (i * 7 + 3) % (LEN / 1000) * 1000, 1000);
}

static void pair_program(struct pair *pair)
{
    for (size_t i = 20; i + 4 < LEN; i += 61)
        pair->new_data[i] = (uint8_t)(pair->new_data[i] + 0x30);
    memmove(pair->new_data + 9100, pair->new_data + 9000, 20000);
}

static void pair_random(struct pair *pair)
{
    uint32_t state = 99;

    for (size_t i = 0; i < pair->new_len; i++)
        pair->new_data[i] = (uint8_t)next_random(&state);
}

static void pair_zeros(struct pair *pair)
{
    memset(pair->new_data, 0, pair->new_len);
}

static void pair_shift(struct pair *pair)
{
    memcpy(pair->new_data + 1, pair->old, LEN - 1);
}

static void pair_one_byte(struct pair *pair)
{
    pair->new_data[LEN / 2] ^= 0x40;
}

static void pair_same(struct pair *pair)
{
    (void)pair;
}

static void pair_from_zeros(struct pair *pair)
{
    memset(pair->old, 0, pair->old_len);
}

static const struct {
    const char *what;
    size_t old_len, new_len;
    void (*change)(struct pair *pair);
    size_t patch_max; /* of the best codec */
} pairs[] = {
    {"both empty", 0, 0, pair_same, 192},
    {"an empty old image", 0, LEN, pair_same, 30200},
    {"an empty new image", LEN, 0, pair_same, 192},
    {"one byte from one byte", 1, 1, pair_zeros, 230},
    {"the same", LEN, LEN, pair_same, 230},
    {"one changed byte", LEN, LEN, pair_one_byte, 240},
    {"one byte in front", LEN, LEN, pair_shift, 240},
    {"half of it", LEN, LEN / 2, pair_same, 230},
    {"shuffled pieces", LEN, LEN, pair_shuffle, 450},
    {"a program", LEN, LEN, pair_program, 560},
    {"all zeros", LEN, LEN, pair_zeros, 240},
    {"out of zeros", LEN, LEN, pair_from_zeros, 34500},
    {"random bytes", LEN, LEN, pair_random, LEN + LEN / 1000 + 400},
};

static bool make(const struct pair *pair, int codec, unsigned threads, struct buf *patch,
                 struct err *err)
{
    const struct image old = {pair->old, pair->old_len};
    const struct image new_image = {pair->new_data, pair->new_len};
    const struct make_options options = {
        .codec = codec, .class = DELTA_CLASS_H, .threads = threads};
    struct delta_header header;

    return make_patch(&old, &new_image, &options, &header, patch, err);
}

static bool apply(const struct pair *pair, const struct buf *patch, size_t piece,
                  struct delta_memory *memory, struct err *err)
{
    const struct delta_limits limits = {
        .old_length = pair->old_len, .new_length_max = pair->new_len, .memory_bytes_max = 64 << 20};
    struct delta_io io;

    delta_memory_init(memory, pair->new_len);
    memory->old = pair->old;
    memory->old_len = pair->old_len;
    memory->patch = patch->data;
    memory->patch_len = patch->len;
    memory->piece = piece;
    io = delta_memory_io(memory);
    return delta_apply(&io, &limits, NULL, err);
}

Test(make_patch, turns_any_image_into_any_other_with_every_codec)
{
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct pair pair;

        pair_init(&pair, pairs[i].old_len, pairs[i].new_len);
        pairs[i].change(&pair);
        for (int codec = 0; codec <= MAKE_CODEC_AUTO; codec++) {
            AUTO_BUF patch;
            struct delta_memory memory;
            struct err err = {0};

            buf_init(&patch, 1 << 20);
            cr_assert(make(&pair, codec, 1, &patch, &err), "%s, codec %d: %s", pairs[i].what, codec,
                      err.text);
            cr_assert(apply(&pair, &patch, 1 + (size_t)codec * 100, &memory, &err),
                      "%s, codec %d: %s", pairs[i].what, codec, err.text);
            cr_expect_eq(memory.out.len, pair.new_len, "%s, codec %d", pairs[i].what, codec);
            cr_expect(pair.new_len == 0 ||
                          memcmp(memory.out.data, pair.new_data, pair.new_len) == 0,
                      "%s, codec %d", pairs[i].what, codec);
            if (codec == MAKE_CODEC_AUTO)
                cr_expect_leq(patch.len, pairs[i].patch_max, "%s: %zu bytes", pairs[i].what,
                              patch.len);
            delta_memory_done(&memory);
        }
        pair_done(&pair);
    }
}

Test(make_patch, gives_the_same_bytes_again_whatever_the_number_of_threads)
{
    struct pair pair;
    AUTO_BUF first;

    pair_init(&pair, LEN, LEN);
    pair_program(&pair);
    buf_init(&first, 1 << 20);
    for (unsigned threads = 1; threads <= 4; threads++) {
        AUTO_BUF again;
        struct err err = {0};

        buf_init(&again, 1 << 20);
        cr_assert(make(&pair, MAKE_CODEC_AUTO, threads, threads == 1 ? &first : &again, &err));
        if (threads > 1) {
            cr_assert_eq(again.len, first.len);
            cr_assert_eq(memcmp(again.data, first.data, first.len), 0);
        }
    }
    pair_done(&pair);
}

static bool apply_named(const struct pair *pair, const struct buf *patch, const uint8_t *header,
                        struct delta_memory *memory, struct err *err)
{
    const struct delta_limits limits = {.old_length = pair->old_len,
                                        .new_length_max = pair->new_len,
                                        .memory_bytes_max = 64 << 20,
                                        .header_sha256 = header};
    struct delta_io io;

    delta_memory_init(memory, pair->new_len);
    memory->old = pair->old;
    memory->old_len = pair->old_len;
    memory->patch = patch->data;
    memory->patch_len = patch->len;
    io = delta_memory_io(memory);
    return delta_apply(&io, &limits, NULL, err);
}

/* Without the header's hash a bit of it may mean nothing; a wrong image never comes out. With the
 * hash nothing passes. */
static void expect_refused(const struct pair *pair, const struct buf *patch, const uint8_t *header,
                           const char *what)
{
    struct delta_memory memory;
    struct err err = {0};

    if (apply_named(pair, patch, NULL, &memory, &err)) {
        cr_assert_eq(memory.out.len, pair->new_len, "%s", what);
        cr_assert_eq(memcmp(memory.out.data, pair->new_data, pair->new_len), 0, "%s", what);
    } else {
        cr_assert_neq(err.refusal, REFUSAL_NONE, "%s: %s", what, err.text);
    }
    delta_memory_done(&memory);
    cr_assert_not(apply_named(pair, patch, header, &memory, &err), "%s", what);
    cr_assert_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "%s: %s", what, err.text);
    delta_memory_done(&memory);
}

Test(delta_apply, refuses_every_flipped_byte_and_truncation)
{
    struct pair pair;

    pair_init(&pair, 3000, 3000);
    for (size_t i = 10; i < 3000; i += 97)
        pair.new_data[i]++;
    memset(pair.new_data + 1000, 'x', 300);
    for (int codec = 0; codec < DELTA_CODEC_COUNT; codec++) {
        AUTO_BUF patch;
        uint8_t header[HASH_BYTES];
        struct err err = {0};

        buf_init(&patch, 1 << 20);
        cr_assert(make(&pair, codec, 1, &patch, &err), "%s", err.text);
        hash_sha256(patch.data, DELTA_HEADER_BYTES, header);
        for (size_t i = 0; i < patch.len; i++) {
            patch.data[i] ^= 0xFF;
            expect_refused(&pair, &patch, header, "a flipped byte");
            patch.data[i] ^= 0xFE;
            expect_refused(&pair, &patch, header, "a flipped bit");
            patch.data[i] ^= 0x01;
        }
        for (size_t len = patch.len; len-- > 0;) {
            struct buf cut = patch;
            struct delta_memory memory;

            cut.len = len;
            cr_assert_not(apply(&pair, &cut, 0, &memory, &err), "%zu bytes of %zu", len, patch.len);
            cr_assert_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%zu bytes: %s", len, err.text);
            delta_memory_done(&memory);
        }
    }
    pair_done(&pair);
}

/* Random bytes after random bytes: a body of several frames whatever the coder. */
static void make_frames(struct pair *pair, int codec, struct buf *patch, uint8_t header[HASH_BYTES])
{
    struct err err = {0};

    pair_init(pair, 1000, 300000);
    pair_random(pair);
    buf_init(patch, 1 << 20);
    cr_assert(make(pair, codec, 1, patch, &err), "%s", err.text);
    cr_assert_gt(patch->len, (size_t)4 * (32 << 10));
    hash_sha256(patch->data, DELTA_HEADER_BYTES, header);
}

/* Where frame `number` begins; the file's end behind the last. */
static size_t frame_at(const struct buf *patch, size_t number)
{
    struct bytes in = bytes_of(patch->data, patch->len);
    struct delta_header header;
    struct err err = {0};
    size_t at = DELTA_HEADER_BYTES;
    size_t len;

    cr_assert(delta_header_read(&in, &header, &err));
    for (len = header.first_frame_bytes; number > 0 && len > 0; number--) {
        in = bytes_of(patch->data + at, len);
        at += len;
        len = bytes_u32(&in) & 0x7fffffff;
    }
    return at;
}

Test(delta_apply, refuses_a_flipped_bit_in_any_frame_before_a_byte_of_it_is_decoded)
{
    for (int codec = 0; codec < DELTA_CODEC_COUNT; codec++) {
        struct pair pair;
        AUTO_BUF patch;
        uint8_t header[HASH_BYTES];
        size_t written = 0;

        make_frames(&pair, codec, &patch, header);
        for (size_t frame = 0; frame_at(&patch, frame) < patch.len; frame++) {
            size_t start = frame_at(&patch, frame);
            size_t end = frame_at(&patch, frame + 1);
            const size_t places[] = {start, start + 4, start + 36, end - 1};
            size_t less = SIZE_MAX;

            for (size_t i = 0; i < COUNT(places); i++) {
                size_t at = places[i] < end ? places[i] : end - 1;
                struct delta_memory memory;
                struct err err = {0};

                patch.data[at] ^= 1;
                cr_assert_not(apply_named(&pair, &patch, header, &memory, &err), "byte %zu", at);
                cr_expect_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "byte %zu: %s", at, err.text);
                cr_expect_eq(memory.patch_pos, end,
                             "coder %d, byte %zu: nothing behind the frame is read", codec, at);
                /* Wherever in the frame: what came out before is the same. */
                cr_expect(less == SIZE_MAX || less == memory.out.len, "byte %zu", at);
                less = memory.out.len;
                patch.data[at] ^= 1;
                delta_memory_done(&memory);
            }
            cr_expect_geq(less, written);
            written = less;
        }
        pair_done(&pair);
    }
}

Test(delta_apply, refuses_frames_that_changed_places)
{
    struct pair pair;
    AUTO_BUF patch;
    uint8_t header[HASH_BYTES];
    size_t first;
    size_t second;
    struct delta_memory memory;
    struct err err = {0};

    make_frames(&pair, DELTA_STORED, &patch, header);
    first = frame_at(&patch, 1);
    second = frame_at(&patch, 2);
    cr_assert_eq(second - first, frame_at(&patch, 3) - second);
    for (size_t i = first; i < second; i++) {
        uint8_t kept = patch.data[i];

        patch.data[i] = patch.data[i + (second - first)];
        patch.data[i + (second - first)] = kept;
    }
    cr_expect_not(apply_named(&pair, &patch, header, &memory, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "%s", err.text);
    cr_expect_eq(memory.patch_pos, second);
    delta_memory_done(&memory);
    pair_done(&pair);
}

Test(delta_apply, refuses_a_whole_good_patch_under_another_headers_hash_and_reads_no_body)
{
    struct pair pair;
    AUTO_BUF patch;
    uint8_t header[HASH_BYTES];
    struct delta_memory memory;
    struct err err = {0};

    make_frames(&pair, DELTA_ZSTD, &patch, header);
    cr_expect(apply_named(&pair, &patch, header, &memory, &err), "%s", err.text);
    delta_memory_done(&memory);
    header[31] ^= 1;
    cr_expect_not(apply_named(&pair, &patch, header, &memory, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "%s", err.text);
    cr_expect_eq(memory.patch_pos, DELTA_HEADER_BYTES);
    cr_expect_eq(memory.allocations, 0);
    delta_memory_done(&memory);
    pair_done(&pair);
}

/* A body that ends a frame, and bytes around it. */
Test(make_patch, cuts_bodies_at_every_boundary)
{
    enum { FRAME = DELTA_FRAME_BYTES_MAX };

    for (size_t frames = 1; frames <= 3; frames++)
        for (size_t less = 0; less < 80; less++) {
            static const struct image none = {NULL, 0};
            size_t len = frames * (FRAME - DELTA_FRAME_HEAD_BYTES) - less;
            struct pair pair;
            AUTO_BUF patch;
            const struct make_options options = {
                .codec = DELTA_STORED, .class = DELTA_CLASS_L, .threads = 1};
            struct image new_image;
            struct delta_header header;
            struct err err = {0};

            pair_init(&pair, 0, len);
            pair_random(&pair);
            new_image = (struct image){pair.new_data, len};
            buf_init(&patch, 1 << 20);
            cr_assert(make_patch(&none, &new_image, &options, &header, &patch, &err), "%s",
                      err.text);
            cr_expect_leq(header.frame_bytes_max, FRAME);
            cr_expect_leq(patch.len, DELTA_HEADER_BYTES + len + frames * 36 + 160);
            pair_done(&pair);
        }
}

Test(make_patch, keeps_to_the_class_of_the_device)
{
    static const struct {
        enum delta_class class;
        int codec;
        bool possible;
    } cases[] = {
        {DELTA_CLASS_S, DELTA_STORED, true}, {DELTA_CLASS_S, DELTA_ZLIB, true},
        {DELTA_CLASS_S, DELTA_CM, false},    {DELTA_CLASS_S, MAKE_CODEC_AUTO, true},
        {DELTA_CLASS_M, DELTA_ZLIB, true},   {DELTA_CLASS_L, DELTA_ZSTD, true},
        {DELTA_CLASS_L, DELTA_CM, true},     {DELTA_CLASS_L, MAKE_CODEC_AUTO, true},
        {DELTA_CLASS_X, DELTA_CM, true},     {DELTA_CLASS_H, MAKE_CODEC_AUTO, true},
    };
    struct pair pair;

    pair_init(&pair, LEN, LEN);
    pair_program(&pair);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct image old = {pair.old, pair.old_len};
        const struct image new_image = {pair.new_data, pair.new_len};
        const struct make_options options = {
            .codec = cases[i].codec, .class = cases[i].class, .threads = 2};
        AUTO_BUF patch;
        struct delta_header header;
        struct err err = {0};

        buf_init(&patch, 1 << 20);
        cr_expect_eq(make_patch(&old, &new_image, &options, &header, &patch, &err),
                     cases[i].possible, "case %zu: %s", i, err.text);
        if (cases[i].possible)
            cr_expect_leq(delta_memory_bytes(&header), delta_class_bytes(cases[i].class),
                          "case %zu", i);
        else
            cr_expect_eq(err.code, ERR_LIMIT, "case %zu", i);
    }
    pair_done(&pair);
}

Test(check_patch, refuses_a_patch_for_other_images)
{
    struct pair pair;
    const struct check_options options = {.memory_bytes_max = 64 << 20};
    struct image old;
    struct image new_image;
    AUTO_BUF patch;
    struct err err = {0};

    pair_init(&pair, LEN, LEN);
    pair_program(&pair);
    old = (struct image){pair.old, pair.old_len};
    new_image = (struct image){pair.new_data, pair.new_len};
    buf_init(&patch, 1 << 20);
    cr_assert(make(&pair, MAKE_CODEC_AUTO, 1, &patch, &err));

    cr_expect(check_patch(&old, patch.data, patch.len, &new_image, &options, &err), "%s", err.text);
    cr_expect_not(check_patch(&old, patch.data, patch.len, &old, &options, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_RESULT_HASH);
    old.len--;
    cr_expect_not(check_patch(&old, patch.data, patch.len, &new_image, &options, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_BASE);
    pair_done(&pair);
}

Test(check_patch, a_full_image_is_made_whatever_lay_there)
{
    struct pair pair;
    static const uint8_t other_sha256[HASH_BYTES] = {1};
    const struct check_options options = {.memory_bytes_max = 64 << 20, .old_sha256 = other_sha256};
    struct image old;
    struct image new_image;
    AUTO_BUF patch;
    struct err err = {0};

    pair_init(&pair, 0, LEN);
    fill_program(pair.new_data, LEN, 9);
    buf_init(&patch, 1 << 20);
    cr_assert(make(&pair, MAKE_CODEC_AUTO, 1, &patch, &err), "%s", err.text);
    old = (struct image){pair.new_data, 77};
    new_image = (struct image){pair.new_data, pair.new_len};
    cr_expect(check_patch(&old, patch.data, patch.len, &new_image, &options, &err), "%s", err.text);
    pair_done(&pair);
}

/* 256 MiB of which nearly nothing is there: neither side may crawl or hold it. */
enum { SPARSE_BYTES = 256 << 20, SPARSE_EVERY = 8 << 20, SPARSE_PIECE = 5000 };

static uint8_t *sparse_new(uint32_t seed)
{
    uint8_t *data = mmap(NULL, SPARSE_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    cr_assert_neq(data, MAP_FAILED);
    for (size_t i = 0; i < SPARSE_BYTES; i += SPARSE_EVERY) {
        fill_program(data + i + seed, SPARSE_PIECE, 17);
        data[i + 1000] ^= (uint8_t)seed;
    }
    return data;
}

static bool compare_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct delta_memory *memory = arg;

    memory->out.len += len;
    (void)offset;
    (void)buf; /* delta_apply() compares the hash */
    (void)err;
    return true;
}

Test(delta_apply, holds_at_most_its_class_for_a_sparse_image_of_256_mib)
{
    uint8_t *old_data = sparse_new(1);
    uint8_t *new_data = sparse_new(300);
    const struct image old = {old_data, SPARSE_BYTES};
    const struct image new_image = {new_data, SPARSE_BYTES};
    const struct make_options options = {
        .codec = MAKE_CODEC_AUTO, .class = DELTA_CLASS_L, .threads = 1};
    const struct delta_limits limits = {
        .old_length = SPARSE_BYTES, .new_length_max = SPARSE_BYTES, .memory_bytes_max = 64 << 20};
    struct delta_memory memory;
    struct delta_header header;
    struct delta_io io;
    AUTO_BUF patch;
    struct err err = {0};

    buf_init(&patch, 1 << 20);
    cr_assert(make_patch(&old, &new_image, &options, &header, &patch, &err), "%s", err.text);
    delta_memory_init(&memory, 0);
    memory.old = old_data;
    memory.old_len = SPARSE_BYTES;
    memory.patch = patch.data;
    memory.patch_len = patch.len;
    io = delta_memory_io(&memory);
    io.write_new = compare_new;

    cr_assert(delta_apply(&io, &limits, &header, &err), "%s", err.text);
    cr_expect_eq(memory.out.len, SPARSE_BYTES);
    cr_expect_leq(memory.allocated_bytes, delta_class_bytes(DELTA_CLASS_L));
    cr_expect_leq(patch.len, 3000 + SPARSE_BYTES / DELTA_BLOCK_BYTES * 5, "%zu bytes", patch.len);
    (void)munmap(old_data, SPARSE_BYTES);
    (void)munmap(new_data, SPARSE_BYTES);
}
