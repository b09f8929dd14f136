/*
 * The file: the checkpoint (64 bytes, with a sum of its own), the patch header's hash, one byte of
 * slot.
 */
#include "device-client/apply/progress.h"

#include <string.h>

#include "lib/os/file.h"

enum { FILE_BYTES = DELTA_CHECKPOINT_BYTES + HASH_BYTES + 1 };

static bool read_file(const char *path, uint8_t out[FILE_BYTES])
{
    struct err ignored = {0};
    AUTO_BUF text;

    buf_init(&text, FILE_BYTES);
    if (!file_exists(path) || !file_read(path, &text, &ignored) || text.len != FILE_BYTES)
        return false;
    memcpy(out, text.data, FILE_BYTES);
    return true;
}

bool apply_progress_load(const struct apply_progress *progress, uint8_t out[DELTA_CHECKPOINT_BYTES])
{
    uint8_t text[FILE_BYTES];

    if (!read_file(progress->path, text) ||
        memcmp(text + DELTA_CHECKPOINT_BYTES, progress->patch, HASH_BYTES) != 0 ||
        text[FILE_BYTES - 1] != (uint8_t)progress->slot)
        return false;
    memcpy(out, text, DELTA_CHECKPOINT_BYTES);
    return true;
}

bool apply_progress_store(const struct apply_progress *progress,
                          const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err)
{
    uint8_t text[FILE_BYTES];

    memcpy(text, record, DELTA_CHECKPOINT_BYTES);
    memcpy(text + DELTA_CHECKPOINT_BYTES, progress->patch, HASH_BYTES);
    text[FILE_BYTES - 1] = (uint8_t)progress->slot;
    return file_write(progress->path, 0600, text, sizeof(text), err);
}

bool apply_progress_forget(const char *path, struct err *err)
{
    return !file_exists(path) || file_remove(path, err);
}

uint64_t apply_progress_measure(const char *path)
{
    uint8_t text[FILE_BYTES];
    struct delta_checkpoint point;
    struct err ignored = {0};

    if (!read_file(path, text) || !delta_checkpoint_read(text, &point, &ignored))
        return 0;
    /* Within a group the frame stays and the blocks grow; both grow from group to group. */
    return point.frame.offset + point.verified;
}
