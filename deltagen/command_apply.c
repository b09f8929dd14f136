/*
 * `deltagen apply OLD PATCH NEW`: the device's applier between files. The new image is written
 * beside its name and gets it only when its hash is right.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deltagen/command.h"
#include "deltagen/image.h"
#include "deltagen/progress.h"
#include "lib/base/mem.h"
#include "lib/delta/apply.h"
#include "lib/os/file.h"

struct apply {
    const struct image *old, *patch;
    int fd;
    struct progress progress;
};

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct apply *apply = arg;

    (void)err;
    ASSERT(offset <= apply->old->len && len <= apply->old->len - offset);
    memcpy(buf, apply->old->data + offset, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct apply *apply = arg;

    (void)err;
    *got = image_read(apply->patch, offset, buf, room);
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct apply *apply = arg;

    progress_tell(&apply->progress, "applying", offset + len);
    return file_pwrite_all(apply->fd, buf, len, offset, err);
}

static bool write_image(struct apply *apply, const char *path, const struct options *options,
                        struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const struct delta_io io = {
        .arg = apply, .read_old = read_old, .read_patch = read_patch, .write_new = write_new};
    uint8_t old_sha256[HASH_BYTES];
    const struct delta_limits limits = {.new_length_max = DELTA_LENGTH_MAX,
                                        .memory_bytes_max = options->memory_bytes,
                                        .old_length = apply->old->len,
                                        .old_sha256 = old_sha256};

    if (fd < 0)
        return err_system(err, "could not create '%s'", path);
    apply->fd = fd;
    image_sha256(apply->old, old_sha256);
    if (!delta_apply(&io, &limits, NULL, err))
        return false;
    return fsync(fd) == 0 || err_system(err, "could not write '%s'", path);
}

static bool apply_files(const struct options *options, struct apply *apply, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s.part-%ld", options->files[2], (long)getpid());
    struct bytes in = bytes_of(apply->patch->data, apply->patch->len);
    struct delta_header header;

    if (!delta_header_read(&in, &header, err))
        return false;
    progress_init(&apply->progress, header.new_length);
    if (write_image(apply, path, options, err) && file_rename(path, options->files[2], err))
        return true;
    (void)unlink(path); /* the first error is the one to tell */
    return false;
}

int command_apply(const struct options *options)
{
    AUTO_IMAGE old = {0};
    AUTO_IMAGE patch = {0};
    struct apply apply = {.old = &old, .patch = &patch, .fd = -1};
    struct err err = {0};
    bool good = image_open(options->files[0], &old, &err) &&
                image_open(options->files[1], &patch, &err) && apply_files(options, &apply, &err);

    progress_done(&apply.progress);
    if (!good)
        return command_failed(&err);
    (void)printf("'%s' is written and has the hash that the patch names\n", options->files[2]);
    return EXIT_DONE;
}
