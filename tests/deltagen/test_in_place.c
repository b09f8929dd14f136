/*
 * Updates in place on a flash that loses power at any write: the erase block or journal slot that
 * was being written is torn then, and nothing else is.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/make.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/in_place.h"
#include "tests/support/delta_patch.h"

enum {
    LEN = 150001,
    ERASE_LOG2 = 10,
    ERASE = 1 << ERASE_LOG2,
    REGION = 192 << 10,
    SLOT = DELTA_JOURNAL_BYTES + ERASE,
};

struct flash {
    uint8_t data[REGION];
    uint8_t journal[DELTA_JOURNAL_SLOTS][SLOT];
    size_t journal_len[DELTA_JOURNAL_SLOTS];
    const uint8_t *patch;
    size_t patch_len;
    uint64_t writes, writes_left; /* until power is lost */
    uint64_t fetched;             /* bytes of the patch, in this run */
    size_t held, held_most;       /* bytes of memory */
};

static bool torn(struct flash *flash, uint8_t *at, const void *data, size_t len, struct err *err)
{
    flash->writes++;
    if (flash->writes_left-- > 0) {
        memcpy(at, data, len);
        return true;
    }
    memcpy(at, data, len / 3);
    memset(at + len / 3, 0xEE, len - len / 3);
    return err_set(err, ERR_SYSTEM, "power was lost");
}

static bool read_region(void *arg, uint64_t at, void *buf, size_t len, struct err *err)
{
    const struct flash *flash = arg;

    (void)err;
    cr_assert_leq(at + len, REGION);
    memcpy(buf, flash->data + at, len);
    return true;
}

static bool write_region(void *arg, uint64_t at, const void *block, size_t len, struct err *err)
{
    struct flash *flash = arg;

    cr_assert_eq(len, ERASE);
    cr_assert_eq(at % ERASE, 0);
    cr_assert_leq(at + len, REGION);
    return torn(flash, flash->data + at, block, len, err);
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    struct flash *flash = arg;
    size_t left = offset < flash->patch_len ? flash->patch_len - (size_t)offset : 0;

    (void)err;
    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(buf, flash->patch + offset, *got);
    flash->fetched += *got;
    return true;
}

static bool read_journal(void *arg, unsigned slot, void *buf, size_t room, size_t *got,
                         struct err *err)
{
    const struct flash *flash = arg;

    (void)err;
    *got = flash->journal_len[slot] < room ? flash->journal_len[slot] : room;
    memcpy(buf, flash->journal[slot], *got);
    return true;
}

static bool write_journal(void *arg, unsigned slot, const void *record, size_t len, struct err *err)
{
    struct flash *flash = arg;

    cr_assert_leq(len, SLOT);
    flash->journal_len[slot] = len;
    return torn(flash, flash->journal[slot], record, len, err);
}

static void *allocate(void *arg, size_t size)
{
    struct flash *flash = arg;
    size_t *block = mem_alloc(size + 2 * sizeof(*block));

    block[0] = size;
    flash->held += size;
    if (flash->held > flash->held_most)
        flash->held_most = flash->held;
    return block + 2;
}

static void release(void *arg, void *memory)
{
    struct flash *flash = arg;
    size_t *block = (size_t *)memory - 2;

    flash->held -= block[0];
    mem_free(block);
}

static bool update(struct flash *flash, struct err *err)
{
    const struct delta_in_place_io io = {.arg = flash,
                                         .read = read_region,
                                         .write = write_region,
                                         .read_patch = read_patch,
                                         .read_journal = read_journal,
                                         .write_journal = write_journal,
                                         .allocate = allocate,
                                         .release = release};
    const struct delta_limits limits = {
        .old_length = LEN, .new_length_max = REGION, .memory_bytes_max = 256 << 10};

    flash->fetched = 0;
    return delta_update_in_place(&io, &limits, REGION, NULL, err);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* A part is new, a part moves up, a part back, and bytes change all over. */
static void make_pair(uint8_t *old, uint8_t *new_data)
{
    uint32_t state = 11;

    for (size_t i = 0; i < LEN; i++)
        old[i] = (uint8_t)(next_random(&state) % 97);
    memcpy(new_data, old, 20000);
    for (size_t i = 20000; i < 23000; i++)
        new_data[i] = (uint8_t)next_random(&state);
    memcpy(new_data + 23000, old + 20000, 60000);
    memcpy(new_data + 83000, old + 90000, LEN - 90000);
    memcpy(new_data + 83000 + LEN - 90000, old + 80000, 7000);
    for (size_t i = 0; i < LEN; i += 501)
        new_data[i] = (uint8_t)next_random(&state);
}

static struct flash *flash_new(const uint8_t *old, const struct buf *patch)
{
    struct flash *flash = mem_alloc(sizeof(*flash));

    *flash =
        (struct flash){.patch = patch->data, .patch_len = patch->len, .writes_left = UINT64_MAX};
    memset(flash->data, 0xFF, sizeof(flash->data));
    memcpy(flash->data, old, LEN);
    return flash;
}

struct pair {
    uint8_t *old, *new_data;
    struct buf patch;
    struct delta_header header;
};

static bool pair_init(struct pair *pair, uint64_t region_bytes, struct err *err)
{
    const struct make_options options = {.codec = MAKE_CODEC_AUTO,
                                         .class = DELTA_CLASS_M,
                                         .threads = 1,
                                         .in_place = {region_bytes, ERASE_LOG2}};
    struct image old;
    struct image new_image;

    pair->old = mem_alloc(LEN);
    pair->new_data = mem_alloc(LEN);
    make_pair(pair->old, pair->new_data);
    old = (struct image){pair->old, LEN};
    new_image = (struct image){pair->new_data, LEN};
    buf_init(&pair->patch, 1 << 20);
    return make_patch(&old, &new_image, &options, &pair->header, &pair->patch, err);
}

static void pair_done(struct pair *pair)
{
    mem_free(pair->old);
    mem_free(pair->new_data);
    buf_done(&pair->patch);
}

Test(in_place, an_image_is_updated_where_it_lies)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, REGION, &err), "%s", err.text);
    cr_expect_lt(pair.patch.len, 20000, "%zu", pair.patch.len);
    flash = flash_new(pair.old, &pair.patch);
    cr_assert(update(flash, &err), "%s", err.text);
    cr_expect_eq(memcmp(flash->data, pair.new_data, LEN), 0);
    cr_expect_leq(flash->held_most, delta_memory_bytes(&pair.header) + DELTA_JOURNAL_BYTES + ERASE);
    cr_expect_eq(flash->held, 0);
    /* Asked for again it is there already, and nothing is written. */
    flash->writes = 0;
    cr_expect(update(flash, &err), "%s", err.text);
    memset(flash->journal_len, 0, sizeof(flash->journal_len));
    cr_expect(update(flash, &err), "%s", err.text);
    cr_expect_eq(flash->writes, 0);
    mem_free(flash);
    pair_done(&pair);
}

Test(in_place, goes_on_after_power_was_lost_at_any_write)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};
    uint64_t writes;

    cr_assert(pair_init(&pair, REGION, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    cr_assert(update(flash, &err), "%s", err.text);
    writes = flash->writes;
    mem_free(flash);
    cr_assert_gt(writes, (uint64_t)2 * (LEN / ERASE));
    for (uint64_t cut = 0; cut < writes; cut++) {
        flash = flash_new(pair.old, &pair.patch);
        flash->writes_left = cut;
        cr_assert_not(update(flash, &err));
        cr_assert_eq(err.code, ERR_SYSTEM, "cut %llu: %s", (unsigned long long)cut, err.text);
        flash->writes_left = cut * 7 % 5; /* and soon again */
        if (!update(flash, &err)) {
            cr_assert_eq(err.code, ERR_SYSTEM, "cut %llu: %s", (unsigned long long)cut, err.text);
            flash->writes_left = UINT64_MAX;
            cr_assert(update(flash, &err), "cut %llu: %s", (unsigned long long)cut, err.text);
        }
        cr_assert_eq(memcmp(flash->data, pair.new_data, LEN), 0, "cut %llu",
                     (unsigned long long)cut);
        mem_free(flash);
    }
    pair_done(&pair);
}

Test(in_place, power_that_is_lost_all_the_time_ends_too)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};
    uint32_t state = 5;
    unsigned cuts = 0;

    cr_assert(pair_init(&pair, 160 << 10, &err), "%s", err.text); /* little room: small groups */
    flash = flash_new(pair.old, &pair.patch);
    flash->writes_left = 3;
    while (!update(flash, &err)) {
        cr_assert_eq(err.code, ERR_SYSTEM, "%s", err.text);
        flash->writes_left = next_random(&state) % 60;
        cr_assert_lt(++cuts, 10000);
    }
    cr_expect_eq(memcmp(flash->data, pair.new_data, LEN), 0);
    cr_expect_gt(cuts, 5, "%u", cuts);
    mem_free(flash);
    pair_done(&pair);
}

Test(in_place, more_room_makes_smaller_patches)
{
    size_t before = SIZE_MAX;

    for (uint64_t region = 160 << 10; region <= 320 << 10; region += 80 << 10) {
        struct pair pair;
        struct err err = {0};

        cr_assert(pair_init(&pair, region, &err), "%s", err.text);
        cr_expect_leq(delta_in_place_region(&pair.header), region);
        cr_expect_lt(pair.patch.len, before);
        before = pair.patch.len;
        pair_done(&pair);
    }
}

Test(in_place, refuses_a_region_without_room)
{
    struct pair pair;
    struct err err = {0};

    cr_expect_not(pair_init(&pair, LEN, &err));
    cr_expect_eq(err.code, ERR_INVALID, "%s", err.text);
    pair_done(&pair);
}

Test(in_place, refuses_another_image_before_it_writes)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, REGION, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    flash->data[LEN / 2] ^= 1;
    cr_expect_not(update(flash, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_BASE, "%s", err.text);
    cr_expect_eq(flash->writes, 0);
    mem_free(flash);
    pair_done(&pair);
}

Test(in_place, refuses_another_patch_when_an_update_was_begun)
{
    struct pair pair;
    struct pair other;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, REGION, &err), "%s", err.text);
    cr_assert(pair_init(&other, 170 << 10, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    flash->writes_left = 200;
    cr_assert_not(update(flash, &err));
    flash->writes_left = UINT64_MAX;
    flash->patch = other.patch.data;
    flash->patch_len = other.patch.len;
    cr_expect_not(update(flash, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_BASE, "%s", err.text);
    flash->patch = pair.patch.data;
    flash->patch_len = pair.patch.len;
    cr_expect(update(flash, &err), "%s", err.text);
    cr_expect_eq(memcmp(flash->data, pair.new_data, LEN), 0);
    mem_free(flash);
    pair_done(&pair);
    pair_done(&other);
}

Test(in_place, says_so_when_the_region_does_not_keep_what_was_written)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, REGION, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    cr_assert(update(flash, &err), "%s", err.text);
    flash->data[77] ^= 1;
    cr_expect_not(update(flash, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_RESULT_HASH, "%s", err.text);
    mem_free(flash);
    pair_done(&pair);
}

Test(in_place, begins_again_when_the_old_image_was_brought_back)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, REGION, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    cr_assert(update(flash, &err), "%s", err.text);
    memcpy(flash->data, pair.old, LEN);
    cr_assert(update(flash, &err), "%s", err.text);
    cr_expect_eq(memcmp(flash->data, pair.new_data, LEN), 0);
    mem_free(flash);
    pair_done(&pair);
}

/* --- patches that no generator makes ---------------------------------------------------------- */

static void add_words(struct buf *code, const uint64_t *words, size_t count)
{
    AUTO_BUF controls;

    buf_init(&controls, 64);
    for (size_t i = 0; i < count; i++)
        buf_add_varint(&controls, words[i]);
    buf_add_u32(code, (uint32_t)controls.len);
    buf_add_u32(code, 0);
    buf_add_u32(code, 0);
    buf_add(code, controls.data, controls.len);
}

/* Copies the image in two groups of unequal length, the second one from `second_at` on. */
static void forge(struct pair *pair, uint32_t shift_blocks, uint64_t first, uint64_t second_at)
{
    const uint64_t one[] = {first << 3 | DELTA_COPY};
    const uint64_t two[] = {delta_zigzag((int64_t)second_at) << 3 | DELTA_SEEK,
                            (LEN - first) << 3 | DELTA_COPY};
    AUTO_BUF code;
    size_t split;

    pair->old = mem_alloc(LEN);
    pair->new_data = mem_alloc(LEN);
    make_pair(pair->old, pair->new_data);
    memcpy(pair->new_data, pair->old, first);
    memcpy(pair->new_data + first, pair->old + second_at, LEN - first);
    pair->header = (struct delta_header){.codec = DELTA_STORED,
                                         .class = DELTA_CLASS_M,
                                         .old_length = LEN,
                                         .new_length = LEN,
                                         .old_space = LEN,
                                         .new_space = LEN,
                                         .batch_bytes = 4096,
                                         .erase_log2 = ERASE_LOG2,
                                         .shift_blocks = shift_blocks};
    hash_sha256(pair->old, LEN, pair->header.old_sha256);
    buf_init(&code, 256);
    add_words(&code, one, COUNT(one));
    split = code.len;
    add_words(&code, two, COUNT(two));
    const struct delta_patch_group groups[] = {
        {first, 0, first, code.data, split},
        {LEN - first, first, LEN, code.data + split, code.len - split}};
    buf_init(&pair->patch, 4096);
    delta_patch_write(&pair->header, pair->new_data, groups, COUNT(groups), &pair->patch);
}

Test(in_place, refuses_groups_that_overwrite_what_they_are_made_from)
{
    static const struct {
        uint32_t shift_blocks, first, second_at;
    } cases[] = {
        {40, 30 * ERASE, 30 * ERASE}, /* the rest of the image is more than 40 blocks */
        {40, 41 * ERASE, 41 * ERASE}, /* the first group is */
        {10, LEN - 10 * ERASE, LEN - 10 * ERASE},
        {20, 20 * ERASE, 0}, /* what was overwritten before */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pair pair;
        struct flash *flash;
        struct err err = {0};

        forge(&pair, cases[i].shift_blocks, cases[i].first, cases[i].second_at);
        flash = flash_new(pair.old, &pair.patch);
        cr_expect_not(update(flash, &err), "case %zu", i);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "case %zu: %s", i, err.text);
        mem_free(flash);
        pair_done(&pair);
    }
}

Test(in_place, refuses_a_patch_for_two_slots)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, 0, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    cr_expect_not(update(flash, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT, "%s", err.text);
    mem_free(flash);
    pair_done(&pair);
}

Test(in_place, refuses_a_region_that_is_shorter_than_the_patch_wants)
{
    struct pair pair;
    struct flash *flash;
    struct err err = {0};

    cr_assert(pair_init(&pair, (uint64_t)2 * REGION, &err), "%s", err.text);
    flash = flash_new(pair.old, &pair.patch);
    cr_expect_not(update(flash, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_LIMIT, "%s", err.text);
    cr_expect_eq(flash->writes, 0);
    mem_free(flash);
    pair_done(&pair);
}

/* --- the journal ------------------------------------------------------------------------------ */

Test(in_place, a_journal_record_is_whole_or_none)
{
    uint8_t record[DELTA_JOURNAL_BYTES + 9];
    uint8_t again[DELTA_JOURNAL_BYTES + 9];
    struct delta_journal journal = {.phase = DELTA_WRITING,
                                    .number = 77,
                                    .moved = 5,
                                    .begun_bytes = 9,
                                    .header_sha256 = {1, 2},
                                    .has_checkpoint = true,
                                    .checkpoint = {3, 4}};
    struct delta_journal back;
    struct err err = {0};

    memset(record + DELTA_JOURNAL_BYTES, 0xAB, 9);
    memset(again + DELTA_JOURNAL_BYTES, 0xAB, 9);
    delta_journal_format(&journal, record);
    cr_assert(delta_journal_read(record, sizeof(record), 9, &back, &err), "%s", err.text);
    delta_journal_format(&back, again);
    cr_expect_eq(memcmp(record, again, sizeof(record)), 0);
    cr_expect_eq(back.number, 77);
    cr_expect_eq(back.begun_bytes, 9);
    cr_expect_not(delta_journal_read(record, sizeof(record), 8, &back, &err));
    for (size_t len = 0; len < sizeof(record); len++)
        cr_expect_not(delta_journal_read(record, len, 9, &back, &err), "%zu bytes", len);
    for (size_t i = 0; i < sizeof(record); i++) {
        record[i] ^= 0x40;
        cr_expect_not(delta_journal_read(record, sizeof(record), 9, &back, &err), "byte %zu", i);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT);
        record[i] ^= 0x40;
    }
    journal.phase = DELTA_THERE; /* which has no checkpoint */
    delta_journal_format(&journal, record);
    cr_expect_not(delta_journal_read(record, sizeof(record), 9, &back, &err));
}
