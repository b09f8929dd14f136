/* `deltagen verify OLD PATCH NEW`: would a device that runs OLD end up with NEW? */
#include <stdio.h>

#include "deltagen/check.h"
#include "deltagen/command.h"
#include "deltagen/progress.h"

static void on_progress(void *arg, size_t done)
{
    progress_tell(arg, "checking", done);
}

static bool verify(const struct options *options, struct progress *progress, struct err *err)
{
    AUTO_IMAGE old = {0};
    AUTO_IMAGE patch = {0};
    AUTO_IMAGE new_image = {0};
    uint8_t old_sha256[HASH_BYTES];
    const struct check_options check = {.memory_bytes_max = options->memory_bytes,
                                        .old_sha256 = old_sha256,
                                        .progress = on_progress,
                                        .progress_arg = progress};

    if (!image_open(options->files[0], &old, err) || !image_open(options->files[1], &patch, err) ||
        !image_open(options->files[2], &new_image, err))
        return false;
    progress_init(progress, new_image.len);
    image_sha256(&old, old_sha256);
    return check_patch(&old, patch.data, patch.len, &new_image, &check, err);
}

int command_verify(const struct options *options)
{
    struct progress progress = {0};
    struct err err = {0};
    bool good = verify(options, &progress, &err);

    progress_done(&progress);
    if (!good)
        return command_failed(&err);
    (void)printf("the patch makes '%s' of '%s'\n", options->files[2], options->files[0]);
    return EXIT_DONE;
}
