/* The comparison is byte by byte, beside the applier's own of the hash. */
#include "deltagen/check.h"

#include <string.h>

#include "lib/delta/apply.h"

struct check {
    const struct image *old, *new_image;
    const struct check_options *options;
    const uint8_t *patch;
    size_t patch_len;
    size_t new_pos;
    uint64_t old_bytes; /* read so far */
};

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    struct check *check = arg;

    ASSERT(offset <= check->old->len && len <= check->old->len - offset);
    check->old_bytes += len;
    if (check->options->old_bytes_max > 0 && check->old_bytes > check->options->old_bytes_max)
        return err_refuse(err, REFUSAL_DELTA_LIMIT, "patch reads the old image too often");
    memcpy(buf, check->old->data + offset, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct check *check = arg;
    const struct image patch = {check->patch, check->patch_len};

    (void)err;
    *got = image_read(&patch, offset, buf, room);
    return true;
}

static bool compare_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct check *check = arg;

    ASSERT(offset == check->new_pos);
    if (len > check->new_image->len - check->new_pos ||
        memcmp(check->new_image->data + check->new_pos, buf, len) != 0)
        return err_refuse(err, REFUSAL_DELTA_RESULT_HASH,
                          "patch gives other bytes than the new image after byte %zu",
                          check->new_pos);
    check->new_pos += len;
    if (check->options->progress)
        check->options->progress(check->options->progress_arg, check->new_pos);
    return true;
}

bool check_patch(const struct image *old, const uint8_t *patch, size_t patch_len,
                 const struct image *new_image, const struct check_options *options,
                 struct err *err)
{
    struct check check = {.old = old,
                          .new_image = new_image,
                          .options = options,
                          .patch = patch,
                          .patch_len = patch_len};
    const struct delta_io io = {
        .arg = &check, .read_old = read_old, .read_patch = read_patch, .write_new = compare_new};
    const struct delta_limits limits = {.new_length_max = new_image->len,
                                        .memory_bytes_max = options->memory_bytes_max,
                                        .old_length = old->len,
                                        .old_sha256 = options->old_sha256};

    return delta_apply(&io, &limits, NULL, err);
}
