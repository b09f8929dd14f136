/* Both ways write front to back through one writer, so that "write failed" has one meaning. */
#include "device-client/apply/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/delta/apply.h"
#include "lib/os/file.h"

bool apply_fits(const struct slots *slots, const struct apply_target *target, struct err *err)
{
    uint64_t size = 0;

    if (!slots_size(slots, target->slot, &size, err))
        return false;
    if (target->length > size)
        return err_refuse(err, REFUSAL_SPACE, "slot %s holds %llu bytes, the image has %llu",
                          slot_name(target->slot), (unsigned long long)size,
                          (unsigned long long)target->length);
    return true;
}

struct writer {
    int fd;
    uint64_t at;
    uint64_t length; /* never more than this is written */
    enum slot slot;
};

static bool write_slot(struct writer *writer, const void *data, size_t len, struct err *err)
{
    struct err reason = {0};

    if (len > writer->length - writer->at)
        return err_refuse(err, REFUSAL_TARGET_LENGTH, "the image is longer than was signed");
    if (!file_pwrite_all(writer->fd, data, len, writer->at, &reason))
        return err_refuse(err, REFUSAL_SLOT_WRITE, "slot %s: %s", slot_name(writer->slot),
                          reason.text);
    writer->at += len;
    return true;
}

static bool open_writer(const struct slots *slots, const struct apply_target *target,
                        struct writer *out, struct err *err)
{
    int fd = -1;

    if (!apply_fits(slots, target, err))
        return false;
    if (!slots_open(slots, target->slot, O_WRONLY, &fd, err))
        return false;
    *out = (struct writer){.fd = fd, .length = target->length, .slot = target->slot};
    return true;
}

/* Sync, then what the medium says. */
static bool finish(const struct slots *slots, const struct apply_target *target,
                   const struct writer *writer, struct err *err)
{
    uint8_t found[HASH_BYTES];

    if (writer->at != target->length)
        return err_refuse(err, REFUSAL_TARGET_LENGTH, "the image is shorter than was signed");
    if (fsync(writer->fd) != 0)
        return err_refuse(err, REFUSAL_SLOT_WRITE, "slot %s could not be synced: %s",
                          slot_name(target->slot), strerror(errno));
    if (!slots_hash(slots, target->slot, target->length, found, err) ||
        !crypto_equal(found, target->sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_INSTALL_READBACK, "slot %s does not hold what was written",
                          slot_name(target->slot));
    return true;
}

static bool copy_all(int from, struct writer *to, struct err *err)
{
    AUTO_FREE uint8_t *step = mem_alloc(COPY_BYTES);

    for (;;) {
        ssize_t n = read(from, step, COPY_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(err, "could not read the image");
        if (n == 0)
            return true;
        if (!write_slot(to, step, (size_t)n, err))
            return false;
    }
}

static bool open_file(const char *file, int *out, struct err *err)
{
    *out = open(file, O_RDONLY | O_CLOEXEC);
    return *out >= 0 || err_system(err, "could not open '%s'", file);
}

bool apply_image(const struct slots *slots, const char *file, const struct apply_target *target,
                 struct err *err)
{
    AUTO_CLOSE int from = -1;
    struct writer writer = {.fd = -1};
    bool ok;

    if (!open_file(file, &from, err) || !open_writer(slots, target, &writer, err))
        return false;
    ok = copy_all(from, &writer, err) && finish(slots, target, &writer, err);
    (void)close(writer.fd); /* it was synced, or its content does not matter */
    return ok;
}

struct patch {
    int old_fd;
    int patch_fd;
    struct writer writer;
};

static bool read_old(void *arg, uint64_t offset, void *out, size_t len, struct err *err)
{
    const struct patch *patch = arg;

    return file_pread_all(patch->old_fd, out, len, offset, err) || err_wrap(err, "old image");
}

static bool read_patch(void *arg, uint64_t offset, void *out, size_t room, size_t *got,
                       struct err *err)
{
    const struct patch *patch = arg;
    ssize_t n;

    do {
        n = pread(patch->patch_fd, out, room, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_system(err, "could not read the patch");
    *got = (size_t)n;
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *data, size_t len, struct err *err)
{
    struct patch *patch = arg;

    ASSERT(offset == patch->writer.at);
    return write_slot(&patch->writer, data, len, err);
}

bool apply_patch(const struct slots *slots, const char *file, const struct apply_patch *from,
                 const struct apply_target *target, struct err *err)
{
    AUTO_CLOSE int old_fd = -1;
    AUTO_CLOSE int patch_fd = -1;
    struct patch patch = {.writer.fd = -1};
    const struct delta_io io = {
        .arg = &patch, .read_old = read_old, .read_patch = read_patch, .write_new = write_new};
    const struct delta_limits limits = {.new_length_max = target->length,
                                        .memory_bytes_max = DELTA_MEMORY_BYTES_MAX,
                                        .old_sha256 = from->old_sha256,
                                        .new_sha256 = target->sha256,
                                        .header_sha256 = from->header_sha256,
                                        .old_length = from->old_length};
    bool ok;

    if (!open_file(file, &patch_fd, err) ||
        !slots_open(slots, slot_other(target->slot), O_RDONLY, &old_fd, err) ||
        !open_writer(slots, target, &patch.writer, err))
        return false;
    patch.old_fd = old_fd;
    patch.patch_fd = patch_fd;
    ok = delta_apply(&io, &limits, NULL, err) && finish(slots, target, &patch.writer, err);
    (void)close(patch.writer.fd); /* it was synced, or its content does not matter */
    return ok;
}
