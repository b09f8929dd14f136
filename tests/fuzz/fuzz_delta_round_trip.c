/*
 * Any old image, any new one: the patch that is made of them makes the new one, in one go and
 * resumed from every checkpoint. A byte chooses coder and class, two the old image's length.
 */
#include <string.h>

#include "deltagen/make.h"
#include "lib/delta/apply.h"

enum { IMAGE_MAX = 1 << 13, PATCH_MAX = 1 << 20, RECORDS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct device {
    struct bytes old, patch;
    uint8_t image[IMAGE_MAX];
    uint8_t records[RECORDS_MAX][DELTA_CHECKPOINT_BYTES];
    size_t record_count;
};

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct device *device = arg;

    (void)err;
    ASSERT(offset <= device->old.len && len <= device->old.len - offset);
    if (len > 0)
        memcpy(buf, device->old.data + offset, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct device *device = arg;
    size_t left = offset < device->patch.len ? device->patch.len - (size_t)offset : 0;

    (void)err;
    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(buf, device->patch.data + offset, *got);
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct device *device = arg;

    (void)err;
    ASSERT(offset <= IMAGE_MAX && len <= IMAGE_MAX - offset);
    memcpy(device->image + offset, buf, len);
    return true;
}

static bool read_new(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct device *device = arg;

    (void)err;
    ASSERT(offset <= IMAGE_MAX && len <= IMAGE_MAX - offset);
    memcpy(buf, device->image + offset, len);
    return true;
}

static bool checkpoint(void *arg, const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err)
{
    struct device *device = arg;

    (void)err;
    if (device->record_count < RECORDS_MAX)
        memcpy(device->records[device->record_count++], record, DELTA_CHECKPOINT_BYTES);
    return true;
}

static void check_device(struct device *device, const struct image *new_image)
{
    const struct delta_io io = {.arg = device,
                                .read_old = read_old,
                                .read_patch = read_patch,
                                .write_new = write_new,
                                .read_new = read_new,
                                .checkpoint = checkpoint};
    const struct delta_limits limits = {
        .old_length = device->old.len, .new_length_max = IMAGE_MAX, .memory_bytes_max = 64 << 20};
    struct err err = {0};
    size_t count;

    ASSERT(delta_apply(&io, &limits, NULL, &err));
    ASSERT(memcmp(device->image, new_image->data, new_image->len) == 0);
    count = device->record_count;
    for (size_t i = 0; i < count; i++) {
        ASSERT(delta_resume(&io, &limits, device->records[i], NULL, &err));
        ASSERT(memcmp(device->image, new_image->data, new_image->len) == 0);
    }
}

static void try_images(const struct image *old, const struct image *new_image, uint8_t choice)
{
    static const enum delta_class classes[] = {DELTA_CLASS_S, DELTA_CLASS_M, DELTA_CLASS_L,
                                               DELTA_CLASS_Z};
    static struct device device;
    const struct make_options options = {.codec = choice % (DELTA_CODEC_COUNT + 1),
                                         .class = classes[choice / 16 % COUNT(classes)],
                                         .group_bytes = choice & 8 ? 256 : 0,
                                         .threads = 1};
    struct delta_header header;
    struct err err = {0};
    AUTO_BUF patch;

    buf_init(&patch, PATCH_MAX);
    /* A coder that needs more than the class has is refused; nothing else is. */
    if (make_patch(old, new_image, &options, &header, &patch, &err)) {
        device = (struct device){.old = bytes_of(old->data, old->len),
                                 .patch = bytes_of(patch.data, patch.len)};
        check_device(&device, new_image);
    } else {
        ASSERT(options.codec != MAKE_CODEC_AUTO &&
               (err.code == ERR_LIMIT || err.refusal == REFUSAL_DELTA_LIMIT));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    uint8_t choice = bytes_u8(&in);
    size_t old_len = bytes_u16(&in);
    struct image old;
    struct image new_image;

    if (in.failed || bytes_left(&in) > IMAGE_MAX)
        return 0;
    old_len = old_len < bytes_left(&in) ? old_len : bytes_left(&in);
    old = (struct image){data + in.pos, old_len};
    new_image = (struct image){data + in.pos + old_len, bytes_left(&in) - old_len};
    try_images(&old, &new_image, choice);
    return 0;
}
