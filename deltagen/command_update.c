/*
 * `deltagen update IMAGE PATCH`: the device's update in place on a file or a block device. The
 * journal's slots lie one behind the other in a file of its own; a record is written when the image
 * is durable, and is durable itself before anything follows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deltagen/command.h"
#include "deltagen/image.h"
#include "deltagen/progress.h"
#include "lib/base/mem.h"
#include "lib/delta/in_place.h"
#include "lib/os/file.h"

enum { SLOT_BYTES = (1 << DELTA_ERASE_LOG2_MAX) + 4096 };

struct place {
    int fd, journal;
    const struct image *patch;
    struct progress progress;
};

static bool read_region(void *arg, uint64_t at, void *buf, size_t len, struct err *err)
{
    const struct place *place = arg;

    return file_pread_all(place->fd, buf, len, at, err);
}

static bool write_region(void *arg, uint64_t at, const void *block, size_t len, struct err *err)
{
    struct place *place = arg;

    progress_tell(&place->progress, "writing", (size_t)at);
    return file_pwrite_all(place->fd, block, len, at, err);
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct place *place = arg;

    (void)err;
    *got = image_read(place->patch, offset, buf, room);
    return true;
}

static bool read_journal(void *arg, unsigned slot, void *buf, size_t room, size_t *got,
                         struct err *err)
{
    const struct place *place = arg;
    uint64_t at = (uint64_t)slot * SLOT_BYTES;

    *got = 0;
    while (*got < room) {
        ssize_t some =
            pread(place->journal, (uint8_t *)buf + *got, room - *got, (off_t)(at + *got));

        if (some < 0 && errno == EINTR)
            continue;
        if (some < 0)
            return err_system(err, "could not read the journal");
        if (some == 0)
            break;
        *got += (size_t)some;
    }
    return true;
}

static bool write_journal(void *arg, unsigned slot, const void *record, size_t len, struct err *err)
{
    const struct place *place = arg;

    if (fdatasync(place->fd) != 0)
        return err_system(err, "could not write the image");
    if (!file_pwrite_all(place->journal, record, len, (uint64_t)slot * SLOT_BYTES, err))
        return false;
    return fdatasync(place->journal) == 0 || err_system(err, "could not write the journal");
}

/* A file becomes as long as the region has to be; a device is as long as it is. */
static bool open_region(const char *path, uint64_t need, int *out_fd, uint64_t *out_bytes,
                        bool *out_is_file, struct err *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat stat;
    off_t end;

    *out_fd = fd;
    if (fd < 0 || fstat(fd, &stat) != 0)
        return err_system(err, "could not open '%s'", path);
    *out_is_file = S_ISREG(stat.st_mode);
    if (*out_is_file && (uint64_t)stat.st_size < need && ftruncate(fd, (off_t)need) != 0)
        return err_system(err, "could not make '%s' longer", path);
    end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return err_system(err, "could not measure '%s'", path);
    *out_bytes = (uint64_t)end;
    return true;
}

/* The journal goes last: until then the update can be asked for again. */
static bool finish(const struct place *place, const char *journal, uint64_t new_length,
                   bool is_file, struct err *err)
{
    if (is_file && ftruncate(place->fd, (off_t)new_length) != 0)
        return err_system(err, "could not cut the image to its length");
    if (fsync(place->fd) != 0)
        return err_system(err, "could not write the image");
    return file_remove(journal, err);
}

static bool update_at(struct place *place, const char *path, const char *journal,
                      const struct options *options, struct err *err)
{
    struct bytes in = bytes_of(place->patch->data, place->patch->len);
    const struct delta_in_place_io io = {.arg = place,
                                         .read = read_region,
                                         .write = write_region,
                                         .read_patch = read_patch,
                                         .read_journal = read_journal,
                                         .write_journal = write_journal};
    struct delta_limits limits = {.new_length_max = DELTA_LENGTH_MAX,
                                  .memory_bytes_max = options->memory_bytes};
    struct delta_header header;
    uint64_t bytes = 0;
    bool is_file = false;

    if (!delta_header_read(&in, &header, err))
        return false;
    if (header.erase_log2 == 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT,
                          "'%s' is not for an update in place; make it with diff --in-place",
                          options->files[1]);
    limits.old_length = header.old_length;
    if (!open_region(path, delta_in_place_region(&header), &place->fd, &bytes, &is_file, err))
        return false;
    place->journal = open(journal, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (place->journal < 0)
        return err_system(err, "could not open '%s'", journal);
    if (!file_sync_dir_of(journal, err))
        return false;
    progress_init(&place->progress, delta_in_place_region(&header));
    return delta_update_in_place(&io, &limits, bytes, NULL, err) &&
           finish(place, journal, header.new_length, is_file, err);
}

int command_update(const struct options *options)
{
    AUTO_IMAGE patch = {0};
    AUTO_FREE char *beside = mem_printf("%s.journal", options->files[0]);
    const char *journal = options->journal ? options->journal : beside;
    struct place place = {.fd = -1, .journal = -1, .patch = &patch};
    struct err err = {0};
    bool good = image_open(options->files[1], &patch, &err) &&
                update_at(&place, options->files[0], journal, options, &err);

    progress_done(&place.progress);
    if (place.fd >= 0)
        (void)close(place.fd);
    if (place.journal >= 0)
        (void)close(place.journal);
    if (!good)
        return command_failed(&err);
    (void)printf("'%s' holds the new image that the patch names\n", options->files[0]);
    return EXIT_DONE;
}
