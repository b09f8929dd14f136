/*
 * A director's document as whoever holds its key might sign it, and its comparison with an image
 * repository: what is read names only this device's part, once, and every refusal has a code.
 */
#include <string.h>

#include "lib/tuf/tuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char device_id[] = "d1";

static void check_refused(const struct err *err)
{
    ASSERT(err->code == ERR_UNTRUSTED && err->refusal != REFUSAL_NONE);
}

static void compare(const struct tuf_set *set, const struct tuf_director *director, size_t at)
{
    static const uint64_t reverts[] = {1, 2, 3};
    const struct tuf_device device = {
        .hwid = "h1",
        .type = "os",
        .installed = true,
        .name = "base-os",
        .release_counter = 4,
        .revert_to = reverts,
        .revert_count = COUNT(reverts),
        .revert_until_ms = 2,
        .now_ms = 1,
    };
    const struct tuf_target *choice = &director->targets[at];
    AUTO_TUF_TARGET image = {0};
    struct err err = {0};

    ASSERT(strcmp(choice->choice.ecu, "d1-main") == 0);
    ASSERT(tuf_path_is_safe(choice->path) && choice->has_sha256);
    if (!tuf_set_target(set, choice->path, &image, &err)) {
        check_refused(&err);
        return;
    }
    if (!tuf_cross_check(director, at, &image, &device, &err))
        check_refused(&err);
    else
        ASSERT(image.release_counter >= 4 || strcmp(choice->choice.action, "downgrade") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_TUF_DIRECTOR director = {0};
    struct tuf_set *set = NULL;
    struct err err = {0};

    if (!tuf_set_of_targets(data, size, &set, &err)) {
        check_refused(&err);
        return 0;
    }
    if (!tuf_director_read(set, device_id, 2, &director, &err))
        check_refused(&err);
    else
        ASSERT(director.version >= 2 && director.count <= 1);
    for (size_t i = 0; i < director.count; i++)
        compare(set, &director, i);
    tuf_set_free(set);
    return 0;
}
