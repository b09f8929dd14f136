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
    {"both empty", 0, 0, pair_same, 140},
    {"an empty old image", 0, LEN, pair_same, 30000},
    {"an empty new image", LEN, 0, pair_same, 140},
    {"one byte from one byte", 1, 1, pair_zeros, 166},
    {"the same", LEN, LEN, pair_same, 166},
    {"one changed byte", LEN, LEN, pair_one_byte, 176},
    {"one byte in front", LEN, LEN, pair_shift, 176},
    {"half of it", LEN, LEN / 2, pair_same, 166},
    {"shuffled pieces", LEN, LEN, pair_shuffle, 400},
    {"a program", LEN, LEN, pair_program, 500},
    {"all zeros", LEN, LEN, pair_zeros, 176},
    {"out of zeros", LEN, LEN, pair_from_zeros, 33000},
    {"random bytes", LEN, LEN, pair_random, LEN + LEN / 1000 + 200},
};

static bool make(const struct pair *pair, int codec, unsigned threads, struct buf *patch,
                 struct err *err)
{
    const struct image old = {pair->old, pair->old_len};
    const struct image new_image = {pair->new_data, pair->new_len};
    const struct make_options options = {
        .codec = codec, .memory_bytes = 16 << 20, .threads = threads};
    struct delta_header header;

    return make_patch(&old, &new_image, &options, &header, patch, err);
}

static bool apply(const struct pair *pair, const struct buf *patch, size_t piece,
                  struct delta_memory *memory, struct err *err)
{
    const struct delta_limits limits = {
        .old_length = pair->old_len, .new_length_max = pair->new_len, .memory_bytes_max = 16 << 20};
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
                                        .memory_bytes_max = 16 << 20,
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

/* Random bytes after random bytes: a body of several chunks whatever the codec. */
static void make_chunks(struct pair *pair, int codec, struct buf *patch, uint8_t header[HASH_BYTES])
{
    struct err err = {0};

    pair_init(pair, 1000, 150000);
    pair_random(pair);
    buf_init(patch, 1 << 20);
    cr_assert(make(pair, codec, 1, patch, &err), "%s", err.text);
    cr_assert_gt(patch->len, (size_t)4 * (32 << 10));
    hash_sha256(patch->data, DELTA_HEADER_BYTES, header);
}

enum { CHUNK = 32 << 10 };

static size_t chunk_at(size_t number)
{
    return DELTA_HEADER_BYTES + number * CHUNK;
}

Test(delta_apply, refuses_a_flipped_bit_in_any_chunk_before_a_byte_of_it_is_decoded)
{
    for (int codec = 0; codec < DELTA_CODEC_COUNT; codec++) {
        struct pair pair;
        AUTO_BUF patch;
        uint8_t header[HASH_BYTES];
        size_t written = 0;

        make_chunks(&pair, codec, &patch, header);
        for (size_t chunk = 0; chunk_at(chunk) < patch.len; chunk++) {
            const size_t places[] = {chunk_at(chunk), chunk_at(chunk) + 31, chunk_at(chunk) + 32,
                                     chunk_at(chunk + 1) - 1};
            size_t less = SIZE_MAX;

            for (size_t i = 0; i < COUNT(places); i++) {
                size_t at = places[i] < patch.len ? places[i] : patch.len - 1;
                struct delta_memory memory;
                struct err err = {0};

                patch.data[at] ^= 1;
                cr_assert_not(apply_named(&pair, &patch, header, &memory, &err), "byte %zu", at);
                cr_expect_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "byte %zu: %s", at, err.text);
                cr_expect_eq(memory.patch_pos,
                             chunk_at(chunk + 1) < patch.len ? chunk_at(chunk + 1) : patch.len,
                             "codec %d, byte %zu: nothing behind the chunk is read", codec, at);
                /* Wherever in the chunk: what came out before is the same. */
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

Test(delta_apply, refuses_chunks_that_changed_places)
{
    struct pair pair;
    AUTO_BUF patch;
    uint8_t header[HASH_BYTES];
    AUTO_FREE uint8_t *kept = mem_alloc(CHUNK);
    struct delta_memory memory;
    struct err err = {0};

    make_chunks(&pair, DELTA_STORED, &patch, header);
    memcpy(kept, patch.data + chunk_at(1), CHUNK);
    memcpy(patch.data + chunk_at(1), patch.data + chunk_at(2), CHUNK);
    memcpy(patch.data + chunk_at(2), kept, CHUNK);

    cr_expect_not(apply_named(&pair, &patch, header, &memory, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "%s", err.text);
    cr_expect_eq(memory.patch_pos, chunk_at(2));
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

    make_chunks(&pair, DELTA_ZSTD, &patch, header);
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

/* One chunk, a chunk to the last byte, and one byte more; 32 bytes a chunk and no more. */
Test(make_patch, cuts_bodies_at_every_boundary)
{
    for (size_t chunks = 1; chunks <= 3; chunks++)
        for (size_t extra = 0; extra < 4; extra++) {
            static const struct image none = {NULL, 0};
            const size_t frame = DELTA_FRAME_HEAD_BYTES + 3; /* of one insert of that length */
            size_t len = chunks * CHUNK - (chunks - 1) * HASH_BYTES - frame - 2 + extra;
            struct pair pair;
            AUTO_BUF patch;
            const struct make_options options = {
                .codec = DELTA_STORED, .memory_bytes = 16 << 20, .threads = 1};
            struct image new_image;
            struct delta_header header;
            struct err err = {0};

            pair_init(&pair, 0, len);
            pair_random(&pair);
            new_image = (struct image){pair.new_data, len};
            buf_init(&patch, 1 << 20);
            cr_assert(make_patch(&none, &new_image, &options, &header, &patch, &err), "%s",
                      err.text);
            cr_expect_eq(patch.len,
                         DELTA_HEADER_BYTES + frame + len + (chunks - (extra < 3)) * HASH_BYTES,
                         "%zu chunks, %zu bytes more: %zu", chunks, extra, patch.len);
            pair_done(&pair);
        }
}

Test(make_patch, keeps_to_the_memory_of_the_device)
{
    static const struct {
        uint64_t memory_bytes;
        int codec;
        bool possible;
    } cases[] = {
        {1 << 20, DELTA_CM, true},        {400 << 10, DELTA_CM, true},
        {100 << 10, DELTA_CM, false},     {1 << 20, DELTA_ZSTD, true},
        {600 << 10, DELTA_ZSTD, true},    {200 << 10, DELTA_ZSTD, false},
        {200 << 10, DELTA_ZLIB, true},    {64 << 10, DELTA_ZLIB, false},
        {1 << 20, MAKE_CODEC_AUTO, true}, {200 << 10, MAKE_CODEC_AUTO, true},
        {1000, MAKE_CODEC_AUTO, false},
    };
    struct pair pair;

    pair_init(&pair, LEN, LEN);
    pair_program(&pair);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct image old = {pair.old, pair.old_len};
        const struct image new_image = {pair.new_data, pair.new_len};
        const struct make_options options = {
            .codec = cases[i].codec, .memory_bytes = cases[i].memory_bytes, .threads = 2};
        AUTO_BUF patch;
        struct delta_header header;
        struct err err = {0};

        buf_init(&patch, 1 << 20);
        cr_expect_eq(make_patch(&old, &new_image, &options, &header, &patch, &err),
                     cases[i].possible, "case %zu: %s", i, err.text);
        if (cases[i].possible)
            cr_expect_leq(delta_memory_bytes(&header), cases[i].memory_bytes, "case %zu", i);
        else
            cr_expect_eq(err.code, ERR_LIMIT, "case %zu", i);
    }
    pair_done(&pair);
}

Test(check_patch, refuses_a_patch_for_other_images)
{
    struct pair pair;
    const struct check_options options = {.memory_bytes_max = 16 << 20};
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

static bool compare_new(void *arg, const void *buf, size_t len, struct err *err)
{
    struct delta_memory *memory = arg;

    memory->out.len += len;
    (void)buf; /* delta_apply() compares the hash */
    (void)err;
    return true;
}

Test(delta_apply, holds_at_most_1_mib_beyond_the_window_for_a_sparse_image_of_256_mib)
{
    uint8_t *old_data = sparse_new(1);
    uint8_t *new_data = sparse_new(300);
    const struct image old = {old_data, SPARSE_BYTES};
    const struct image new_image = {new_data, SPARSE_BYTES};
    const struct make_options options = {
        .codec = MAKE_CODEC_AUTO, .memory_bytes = 16 << 20, .threads = 1};
    const struct delta_limits limits = {
        .old_length = SPARSE_BYTES, .new_length_max = SPARSE_BYTES, .memory_bytes_max = 16 << 20};
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
    cr_expect_leq(memory.allocated_bytes, delta_window_bytes(&header) + DELTA_OVERHEAD_BYTES_MAX);
    cr_expect_leq(patch.len, 3000, "%zu bytes", patch.len);
    (void)munmap(old_data, SPARSE_BYTES);
    (void)munmap(new_data, SPARSE_BYTES);
}
