#include "deltagen/check_in_place.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/delta/in_place.h"

struct region {
    uint8_t *data;
    const uint8_t *patch;
    size_t patch_len;
};

static bool read_region(void *arg, uint64_t at, void *buf, size_t len, struct err *err)
{
    const struct region *region = arg;

    (void)err;
    memcpy(buf, region->data + at, len);
    return true;
}

static bool write_region(void *arg, uint64_t at, const void *block, size_t len, struct err *err)
{
    struct region *region = arg;

    (void)err;
    memcpy(region->data + at, block, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct region *region = arg;
    const struct image patch = {region->patch, region->patch_len};

    (void)err;
    *got = image_read(&patch, offset, buf, room);
    return true;
}

/* Nothing is ever interrupted here. */
static bool read_journal(void *arg, unsigned slot, void *buf, size_t room, size_t *got,
                         struct err *err)
{
    (void)arg, (void)slot, (void)buf, (void)room, (void)err;
    *got = 0;
    return true;
}

static bool write_journal(void *arg, unsigned slot, const void *record, size_t len, struct err *err)
{
    (void)arg, (void)slot, (void)record, (void)len, (void)err;
    return true;
}

bool check_in_place(const struct image *old, const uint8_t *patch, size_t patch_len,
                    const struct image *new_image, const struct check_options *options,
                    struct err *err)
{
    struct bytes in = bytes_of(patch, patch_len);
    struct region region = {.patch = patch, .patch_len = patch_len};
    const struct delta_in_place_io io = {.arg = &region,
                                         .read = read_region,
                                         .write = write_region,
                                         .read_patch = read_patch,
                                         .read_journal = read_journal,
                                         .write_journal = write_journal};
    const struct delta_limits limits = {.new_length_max = new_image->len,
                                        .memory_bytes_max = options->memory_bytes_max,
                                        .old_length = old->len,
                                        .old_sha256 = options->old_sha256};
    struct delta_header header;
    uint64_t bytes;
    bool good;

    if (!delta_header_read(&in, &header, err))
        return false;
    bytes = delta_in_place_region(&header);
    region.data = mem_alloc(bytes);
    if (old->len > 0)
        memcpy(region.data, old->data, old->len);
    good = delta_update_in_place(&io, &limits, bytes, NULL, err);
    if (good && new_image->len > 0 && memcmp(region.data, new_image->data, new_image->len) != 0)
        good = err_refuse(err, REFUSAL_DELTA_RESULT_HASH,
                          "an update in place gives other bytes than the new image");
    mem_free(region.data);
    return good;
}
