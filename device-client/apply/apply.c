/* Both ways write front to back through one writer, so that "write failed" has one meaning. */
#include "device-client/apply/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "device-client/apply/progress.h"
#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/delta/apply.h"
#include "lib/log/log.h"
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
    uint64_t at;     /* behind what was written last */
    uint64_t length; /* never more than this is written */
    enum slot slot;
};

static bool write_slot(struct writer *writer, uint64_t offset, const void *data, size_t len,
                       struct err *err)
{
    struct err reason = {0};

    if (offset > writer->length || len > writer->length - offset)
        return err_refuse(err, REFUSAL_TARGET_LENGTH, "the image is longer than was signed");
    if (!file_pwrite_all(writer->fd, data, len, offset, &reason))
        return err_refuse(err, REFUSAL_SLOT_WRITE, "slot %s: %s", slot_name(writer->slot),
                          reason.text);
    writer->at = offset + len;
    return true;
}

static bool open_writer(const struct slots *slots, const struct apply_target *target,
                        struct writer *out, struct err *err)
{
    int fd = -1;

    if (!apply_fits(slots, target, err))
        return false;
    if (!slots_open(slots, target->slot, O_RDWR, &fd, err))
        return false;
    *out = (struct writer){.fd = fd, .length = target->length, .slot = target->slot};
    return true;
}

static bool sync_slot(const struct writer *writer, struct err *err)
{
    return fsync(writer->fd) == 0 ||
           err_refuse(err, REFUSAL_SLOT_WRITE, "slot %s could not be synced: %s",
                      slot_name(writer->slot), strerror(errno));
}

/* Sync, then what the medium says. */
static bool finish(const struct slots *slots, const struct apply_target *target,
                   const struct writer *writer, struct err *err)
{
    uint8_t found[HASH_BYTES];

    if (!sync_slot(writer, err))
        return false;
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
        if (!write_slot(to, to->at, step, (size_t)n, err))
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
    ok = copy_all(from, &writer, err) &&
         (writer.at == target->length ||
          err_refuse(err, REFUSAL_TARGET_LENGTH, "the image is shorter than was signed")) &&
         finish(slots, target, &writer, err);
    (void)close(writer.fd); /* it was synced, or its content does not matter */
    return ok;
}

struct patch {
    int old_fd;
    int patch_fd;
    struct writer writer;
    struct apply_progress progress;
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

    return write_slot(&patch->writer, offset, data, len, err);
}

static bool read_new(void *arg, uint64_t offset, void *out, size_t len, struct err *err)
{
    const struct patch *patch = arg;

    return file_pread_all(patch->writer.fd, out, len, offset, err) || err_wrap(err, "new image");
}

/* First the slot is durable, then the record that says so. */
static bool checkpoint(void *arg, const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err)
{
    const struct patch *patch = arg;

    return sync_slot(&patch->writer, err) && apply_progress_store(&patch->progress, record, err);
}

static bool run_patch(const struct delta_io *io, const struct delta_limits *limits,
                      const struct apply_progress *progress, struct err *err)
{
    uint8_t record[DELTA_CHECKPOINT_BYTES];
    struct err why = {0};

    if (apply_progress_load(progress, record)) {
        if (delta_resume(io, limits, record, NULL, &why))
            return true;
        /* What the medium kept may not be what was synced; from the start it does not matter. */
        if (why.refusal != REFUSAL_DELTA_RESULT_HASH && why.refusal != REFUSAL_DELTA_FORMAT) {
            *err = why;
            return false;
        }
        LOG_WARNING("update.patch_restarted", "because='%s'", why.text);
    }
    return apply_progress_forget(progress->path, err) && delta_apply(io, limits, NULL, err);
}

static bool header_of(int patch_fd, uint8_t out[HASH_BYTES], struct err *err)
{
    uint8_t header[DELTA_HEADER_BYTES];

    if (!file_pread_all(patch_fd, header, sizeof(header), 0, err))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch header is cut short");
    hash_sha256(header, sizeof(header), out);
    return true;
}

bool apply_patch(const struct slots *slots, const char *file, const struct apply_patch *from,
                 const struct apply_target *target, struct err *err)
{
    AUTO_CLOSE int old_fd = -1;
    AUTO_CLOSE int patch_fd = -1;
    struct patch patch = {.writer.fd = -1,
                          .progress = {.path = from->progress_path, .slot = target->slot}};
    const struct delta_io io = {.arg = &patch,
                                .read_old = read_old,
                                .read_patch = read_patch,
                                .write_new = write_new,
                                .read_new = read_new,
                                .checkpoint = checkpoint};
    const struct delta_limits limits = {.new_length_max = target->length,
                                        .memory_bytes_max = DELTA_MEMORY_BYTES_MAX,
                                        .old_sha256 = from->old_sha256,
                                        .new_sha256 = target->sha256,
                                        .header_sha256 = from->header_sha256,
                                        .old_length = from->old_length};
    bool ok;

    if (!open_file(file, &patch_fd, err) || !header_of(patch_fd, patch.progress.patch, err) ||
        !slots_open(slots, slot_other(target->slot), O_RDONLY, &old_fd, err) ||
        !open_writer(slots, target, &patch.writer, err))
        return false;
    patch.old_fd = old_fd;
    patch.patch_fd = patch_fd;
    ok = run_patch(&io, &limits, &patch.progress, err) &&
         finish(slots, target, &patch.writer, err) &&
         apply_progress_forget(from->progress_path, err);
    (void)close(patch.writer.fd); /* it was synced, or its content does not matter */
    return ok;
}
