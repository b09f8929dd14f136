/*
 * OLD PATCH NEW: the device's applier over files, for CPUs that the build machine only emulates.
 * Hashes are the portable ones beside; compressors that are libraries are left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/delta/apply.h"

struct files {
    FILE *old, *patch, *made;
};

static bool read_at(FILE *file, uint64_t offset, void *buf, size_t room, size_t *got)
{
    if (fseek(file, (long)offset, SEEK_SET) != 0)
        return false;
    *got = fread(buf, 1, room, file);
    return !ferror(file);
}

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct files *files = arg;
    size_t got = 0;

    return (read_at(files->old, offset, buf, len, &got) && got == len) ||
           err_set(err, ERR_SYSTEM, "could not read the old image");
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct files *files = arg;

    return read_at(files->patch, offset, buf, room, got) ||
           err_set(err, ERR_SYSTEM, "could not read the patch");
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    const struct files *files = arg;

    return (fseek(files->made, (long)offset, SEEK_SET) == 0 &&
            fwrite(buf, 1, len, files->made) == len) ||
           err_set(err, ERR_SYSTEM, "could not write the new image");
}

int main(int argc, char **argv)
{
    struct files files;
    const struct delta_io io = {
        .arg = &files, .read_old = read_old, .read_patch = read_patch, .write_new = write_new};
    struct delta_limits limits = {.new_length_max = DELTA_LENGTH_MAX, .memory_bytes_max = 64 << 20};
    struct err err = {0};

    if (argc != 4)
        return 2;
    files.old = fopen(argv[1], "rb");
    files.patch = fopen(argv[2], "rb");
    files.made = fopen(argv[3], "wb");
    if (!files.old || !files.patch || !files.made || fseek(files.old, 0, SEEK_END) != 0)
        return 2;
    limits.old_length = (uint64_t)ftell(files.old);
    if (!delta_apply(&io, &limits, NULL, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return fclose(files.made) == 0 ? 0 : 1;
}
