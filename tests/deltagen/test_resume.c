/*
 * Power is cut while a patch is applied. The medium keeps what was written before the last
 * checkpoint was stored; what was written after it is there, gone or torn, as the cut decides.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/make.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

enum { LEN = 900001, GROUP_BYTES = 6000, CUTS = 60 };

struct device {
    const uint8_t *old, *patch;
    size_t old_len, patch_len;
    uint8_t *slot, *durable;
    size_t slot_len;
    uint8_t record[DELTA_CHECKPOINT_BYTES];
    bool has_record;
    uint64_t verified_bytes; /* as the record says */
    uint64_t durable_bytes;  /* behind which nothing was written when it was stored */
    uint64_t written;
    uint64_t fetched;       /* furthest byte of the patch that was ever read */
    uint64_t fetched_again; /* in this run, below that */
    uint64_t steps_left;    /* until the cut */
    uint32_t seed;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static bool step(struct device *device, struct err *err)
{
    if (device->steps_left == 0)
        return err_set(err, ERR_SYSTEM, "power was cut");
    device->steps_left--;
    return true;
}

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct device *device = arg;

    (void)err;
    ASSERT(offset <= device->old_len && len <= device->old_len - offset);
    memcpy(buf, device->old + offset, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    struct device *device = arg;
    size_t left = offset < device->patch_len ? device->patch_len - (size_t)offset : 0;

    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(buf, device->patch + offset, *got);
    if (offset < device->fetched)
        device->fetched_again += *got;
    if (offset + *got > device->fetched)
        device->fetched = offset + *got;
    return step(device, err);
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct device *device = arg;

    cr_assert_leq(offset + len, device->slot_len);
    cr_assert_geq(offset, device->verified_bytes, "verified bytes are not written again");
    memcpy(device->slot + offset, buf, len);
    device->written = offset + len;
    return step(device, err);
}

static bool read_new(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct device *device = arg;

    (void)err;
    cr_assert_leq(offset + len, device->slot_len);
    memcpy(buf, device->slot + offset, len);
    return true;
}

static bool checkpoint(void *arg, const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err)
{
    struct device *device = arg;
    struct delta_checkpoint what;

    memcpy(device->durable, device->slot, device->slot_len);
    cr_assert(delta_checkpoint_read(record, &what, err));
    memcpy(device->record, record, sizeof(device->record));
    device->has_record = true;
    device->durable_bytes = device->written;
    device->verified_bytes = (uint64_t)what.verified * DELTA_BLOCK_BYTES;
    if (device->verified_bytes > device->slot_len)
        device->verified_bytes = device->slot_len;
    return step(device, err);
}

/* What was not durable is what it is; but a sector of which a part was written before is there as
 * it was or as it was to be, for the medium writes sectors whole. */
static void lose_power(struct device *device)
{
    for (size_t i = 0; i < device->slot_len; i += 512) {
        size_t len = device->slot_len - i < 512 ? device->slot_len - i : 512;

        if (memcmp(device->slot + i, device->durable + i, len) == 0)
            continue;
        switch (next_random(&device->seed) % (i < device->durable_bytes ? 2 : 3)) {
        case 0:
            memcpy(device->slot + i, device->durable + i, len);
            break;
        case 1:
            break;
        default:
            memset(device->slot + i, 0xEE, len);
            break;
        }
    }
}

static bool run(struct device *device, const struct delta_limits *limits, struct err *err)
{
    const struct delta_io io = {.arg = device,
                                .read_old = read_old,
                                .read_patch = read_patch,
                                .write_new = write_new,
                                .read_new = read_new,
                                .checkpoint = checkpoint};

    device->fetched_again = 0;
    return device->has_record ? delta_resume(&io, limits, device->record, NULL, err)
                              : delta_apply(&io, limits, NULL, err);
}

static void make_pair(uint8_t *old, uint8_t *new_data)
{
    uint32_t state = 7;

    for (size_t i = 0; i < LEN; i++)
        old[i] = (uint8_t)(next_random(&state) % 61);
    memcpy(new_data, old, LEN);
    for (size_t i = 0; i < LEN; i += 13)
        new_data[i] = (uint8_t)next_random(&state);
    memset(new_data + 300000, 0, 200000); /* blocks that no byte of code makes */
}

/* Of its frames. */
static size_t largest_group(const struct buf *patch, const struct delta_header *header)
{
    size_t at = DELTA_HEADER_BYTES;
    size_t len = header->first_frame_bytes;
    size_t group = 0;
    size_t largest = 0;

    while (len > 0) {
        struct bytes in = bytes_of(patch->data + at, len);
        uint32_t word = bytes_u32(&in);

        group += len;
        at += len;
        len = word & 0x7fffffff;
        if (word >> 31) {
            largest = group > largest ? group : largest;
            group = 0;
        }
    }
    cr_assert_eq(at, patch->len);
    return largest;
}

Test(delta_resume, goes_on_after_power_cuts_anywhere)
{
    AUTO_FREE uint8_t *old_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *new_data = mem_alloc(LEN);
    AUTO_FREE uint8_t *slot = mem_alloc(LEN);
    AUTO_FREE uint8_t *durable = mem_alloc(LEN);
    const struct image old = {old_data, LEN};
    const struct image new_image = {new_data, LEN};
    static const enum delta_codec codecs[] = {DELTA_STORED, DELTA_ZLIB, DELTA_ZSTD, DELTA_CM};
    static const enum delta_class classes[] = {DELTA_CLASS_S, DELTA_CLASS_S, DELTA_CLASS_L,
                                               DELTA_CLASS_L};

    make_pair(old_data, new_data);
    for (size_t c = 0; c < COUNT(codecs); c++) {
        const struct make_options options = {
            .codec = (int)codecs[c], .class = classes[c], .group_bytes = GROUP_BYTES, .threads = 1};
        const struct delta_limits limits = {
            .old_length = LEN, .new_length_max = LEN, .memory_bytes_max = 1 << 20};
        struct device device = {.old = old_data,
                                .old_len = LEN,
                                .slot = slot,
                                .durable = durable,
                                .slot_len = LEN,
                                .seed = 3};
        struct delta_header header;
        AUTO_BUF patch;
        struct err err = {0};
        unsigned cuts = 0;
        size_t group;

        buf_init(&patch, 4 << 20);
        cr_assert(make_patch(&old, &new_image, &options, &header, &patch, &err), "%s", err.text);
        group = largest_group(&patch, &header);
        cr_assert_lt(group, patch.len / 2, "coder %zu: %zu of %zu bytes", c, group, patch.len);
        device.patch = patch.data;
        device.patch_len = patch.len;
        memset(slot, 0x55, LEN);
        memset(durable, 0x55, LEN);
        device.steps_left = 3;
        while (!run(&device, &limits, &err)) {
            cr_assert_eq(device.steps_left, 0, "coder %zu: %s", c, err.text);
            lose_power(&device);
            cr_assert_leq(device.fetched_again, DELTA_HEADER_BYTES + group, "coder %zu, cut %u", c,
                          cuts);
            device.steps_left = next_random(&device.seed) % 60;
            if (++cuts > CUTS * 20)
                cr_assert(false, "coder %zu: never ends", c);
        }
        cr_expect_eq(memcmp(slot, new_data, LEN), 0, "coder %zu", c);
        cr_expect_gt(cuts, 0, "coder %zu: %u", c, cuts);
    }
}

Test(delta_resume, refuses_a_record_that_is_torn_or_another_patchs)
{
    struct delta_checkpoint point = {
        .frame = {.offset = 5, .bytes = 100, .sha256 = {1}}, .new_space_at = 7, .image_at = 7};
    uint8_t record[DELTA_CHECKPOINT_BYTES];
    struct delta_checkpoint back;
    struct err err = {0};

    delta_checkpoint_format(&point, record);
    cr_assert(delta_checkpoint_read(record, &back, &err));
    cr_expect_eq(back.frame.offset, 5);
    cr_expect_eq(back.frame.bytes, 100);
    cr_expect_eq(back.image_at, 7);
    for (size_t i = 0; i < sizeof(record); i++) {
        record[i] ^= 0x10;
        cr_expect_not(delta_checkpoint_read(record, &back, &err), "byte %zu", i);
        cr_expect_eq(err.refusal, REFUSAL_DELTA_FORMAT);
        record[i] ^= 0x10;
    }
}

Test(delta_resume, refuses_a_checkpoint_that_leads_elsewhere)
{
    AUTO_FREE uint8_t *data = mem_alloc((size_t)2 * LEN);
    AUTO_FREE uint8_t *slot = mem_alloc(LEN);
    const struct image old = {data, LEN};
    const struct image new_image = {data + LEN, LEN};
    const struct make_options options = {
        .codec = DELTA_CM, .class = DELTA_CLASS_L, .group_bytes = GROUP_BYTES, .threads = 1};
    const struct delta_limits limits = {
        .old_length = LEN, .new_length_max = LEN, .memory_bytes_max = 1 << 20};
    struct delta_checkpoint points[] = {
        {.frame = {.offset = UINT32_MAX, .bytes = 100}},
        {.frame = {.offset = 0, .bytes = 1 << 30}},
        {.frame = {.offset = 0, .bytes = 0}},
        {.frame = {.offset = 0, .bytes = 100}},
        {.frame = {.offset = 0, .bytes = 100}, .new_space_at = LEN},
        {.frame = {.offset = 0, .bytes = 100}, .image_at = LEN + 1},
        {.frame = {.offset = 0, .bytes = 100}, .verified = UINT32_MAX},
    };
    struct delta_header header;
    AUTO_BUF patch;
    struct err err = {0};

    make_pair(data, data + LEN);
    buf_init(&patch, 4 << 20);
    cr_assert(make_patch(&old, &new_image, &options, &header, &patch, &err), "%s", err.text);
    for (size_t i = 0; i < COUNT(points); i++) {
        struct device device = {.old = data,
                                .old_len = LEN,
                                .patch = patch.data,
                                .patch_len = patch.len,
                                .slot = slot,
                                .durable = slot,
                                .slot_len = LEN,
                                .has_record = true,
                                .steps_left = UINT64_MAX};

        delta_checkpoint_format(&points[i], device.record);
        cr_expect_not(run(&device, &limits, &err), "case %zu", i);
        cr_expect(err.refusal == REFUSAL_DELTA_FORMAT || err.refusal == REFUSAL_DELTA_FILE_HASH,
                  "case %zu: %s", i, err.text);
    }
}
