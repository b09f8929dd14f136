/*
 * Metadata as it comes from anybody: every public parser meets the same bytes. What is refused
 * is refused as untrusted, with a code; every target that is shown has a safe name and may be
 * looked up again.
 */
#include <string.h>

#include "lib/tuf/tuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_target(const struct tuf_target *target, void *arg)
{
    const struct tuf_device device = {.hwid = "h1", .type = "os"};
    AUTO_TUF_TARGET found = {0};
    AUTO_TUF_TARGET copy = {0};
    struct err err = {0};

    ASSERT(tuf_path_is_safe(target->path));
    if (target->is_typed && strcmp(target->type, "os") == 0)
        ASSERT(target->hwid_count > 0 && tuf_word_is_safe(target->version) &&
               target->release_counter > 0);
    ASSERT(tuf_set_target(arg, target->path, &found, &err));
    ASSERT(found.length == target->length);
    tuf_target_copy(target, &copy);
    ASSERT(strcmp(copy.entry, target->entry) == 0 && copy.entry != target->entry);
    if (!tuf_target_fits(target, &device, &err))
        ASSERT(err.code == ERR_UNTRUSTED && err.refusal != REFUSAL_NONE);
    return true;
}

static bool on_name(const char *name, void *arg)
{
    char file[TUF_FILE_NAME_ROOM];

    (void)arg;
    ASSERT(tuf_file_name(name, UINT64_MAX, file, sizeof(file)) && !strchr(file, '/'));
    return true;
}

static bool count_target(const struct tuf_target *target, void *arg)
{
    ASSERT(strcmp(target->role, "os-h1") == 0);
    (*(size_t *)arg)++;
    return true;
}

static void check_refused(const struct err *err)
{
    ASSERT(err->code == ERR_UNTRUSTED && err->refusal != REFUSAL_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tuf_set *set = NULL;
    struct tuf_facts facts;
    size_t count = 0;
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, size);
    buf_add(&text, data, size);
    if (!tuf_peek(data, size, &facts, &err))
        check_refused(&err);
    else
        ASSERT(facts.version > 0 && facts.role < TUF_ROLE_COUNT);
    if (tuf_set_of_targets(data, size, &set, &err))
        tuf_set_each(set, on_target, set);
    tuf_set_free(set);
    if (!tuf_delegated_names(data, size, on_name, NULL, &err))
        check_refused(&err);
    if (!tuf_entries_each("os-h1", data, size, count_target, &count, &err))
        check_refused(&err);
    if (!tuf_check_root_step(NULL, &text, 0, &err))
        check_refused(&err);
    if (!tuf_check_targets(&text, &text, NULL, 0, &err))
        check_refused(&err);
    return 0;
}
