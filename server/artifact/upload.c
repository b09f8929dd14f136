/*
 * Two buffers: one is filled by the loop while the other is hashed and written by the background
 * thread. `busy` says who owns `writing` and the file: the background thread while it is set.
 *
 * The file's number, hash and error are touched by work() and, while not busy, by the loop.
 */
#include "server/artifact/upload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/limits.h"

struct artifact_upload {
    struct artifact_upload_plan plan;
    struct buf filling;
    struct buf writing;
    struct sha256 *hash;
    uint64_t written;
    int fd;
    bool busy;
    bool wants_room; /* the writer was told to wait */
    bool finishing;  /* no more will come */
    bool last;       /* `writing` is the end: check and adopt */
    bool aborted;
    bool failed;
    bool ended; /* adopted */
    struct err err;
    char temp[ARTIFACT_PATH_ROOM];
};

static void upload_free(struct artifact_upload *upload)
{
    if (upload->fd >= 0)
        (void)close(upload->fd); /* what counts was synced */
    if (!upload->ended)
        (void)unlink(upload->temp); /* or else the next start removes it */
    sha256_free(upload->hash);
    buf_done(&upload->filling);
    buf_done(&upload->writing);
    mem_free(upload);
}

struct artifact_upload *artifact_upload_new(const struct artifact_upload_plan *plan)
{
    struct artifact_upload *upload = mem_alloc(sizeof(*upload));

    upload->plan = *plan;
    upload->fd = -1;
    upload->hash = sha256_new();
    buf_init(&upload->filling, UPLOAD_BUFFER_BYTES_MAX);
    buf_init(&upload->writing, UPLOAD_BUFFER_BYTES_MAX);
    artifact_store_temp(plan->store, upload->temp);
    return upload;
}

/* --- on the background thread ------------------------------------------------------------------
 */

static bool append(struct artifact_upload *upload, struct err *err)
{
    if (upload->fd < 0)
        upload->fd = open(upload->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (upload->fd < 0)
        return err_system(err, "could not make '%s'", upload->temp);
    if (upload->writing.len > upload->plan.length - upload->written)
        return err_set(err, ERR_INVALID, "more than the signed %" PRIu64 " bytes came",
                       upload->plan.length);
    sha256_add(upload->hash, upload->writing.data, upload->writing.len);
    upload->written += upload->writing.len;
    return file_write_all(upload->fd, upload->writing.data, upload->writing.len, err);
}

static bool adopt(struct artifact_upload *upload, struct err *err)
{
    uint8_t digest[HASH_BYTES];

    if (upload->written != upload->plan.length)
        return err_set(err, ERR_INVALID, "%" PRIu64 " bytes came, %" PRIu64 " are signed",
                       upload->written, upload->plan.length);
    sha256_peek(upload->hash, digest);
    if (!crypto_equal(digest, upload->plan.sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_TARGET_HASH, "the bytes have another hash than the name");
    if (!artifact_store_adopt(upload->plan.store, upload->temp, digest, err))
        return false;
    upload->ended = true;
    return true;
}

static void work(void *arg)
{
    struct artifact_upload *upload = arg;

    upload->failed =
        !append(upload, &upload->err) || (upload->last && !adopt(upload, &upload->err));
    if (upload->failed && upload->err.code == ERR_NOT_FOUND)
        upload->err.code = ERR_SYSTEM; /* our folder is missing, not something of the client's */
}

/* --- on the loop -------------------------------------------------------------------------------
 */

static void on_worked(void *arg);

static void send_work(struct artifact_upload *upload)
{
    struct buf full = upload->filling;

    upload->filling = upload->writing;
    upload->writing = full;
    upload->last = upload->finishing;
    upload->busy = true;
    offload_send(upload->plan.offload, upload->plan.loop, work, on_worked, upload);
}

static void end(struct artifact_upload *upload)
{
    if (!upload->aborted)
        upload->plan.on_done(upload->failed ? &upload->err : NULL, upload->plan.arg);
    upload_free(upload);
}

static void on_worked(void *arg)
{
    struct artifact_upload *upload = arg;

    upload->busy = false;
    buf_reset(&upload->writing);
    if (upload->aborted || upload->failed || upload->last) {
        end(upload);
        return;
    }
    if (upload->finishing || upload->filling.len >= UPLOAD_BUFFER_BYTES)
        send_work(upload);
    if (upload->wants_room) {
        upload->wants_room = false;
        upload->plan.on_room(upload->plan.arg);
    }
}

bool artifact_upload_write(struct artifact_upload *upload, const void *data, size_t len)
{
    ASSERT(!upload->finishing && !upload->wants_room);
    buf_add(&upload->filling, data, len);
    ASSERT(!upload->filling.failed); /* whoever is told to wait waits */
    if (upload->filling.len < UPLOAD_BUFFER_BYTES)
        return true;
    if (!upload->busy) {
        send_work(upload);
        return true;
    }
    upload->wants_room = true;
    return false;
}

void artifact_upload_finish(struct artifact_upload *upload)
{
    upload->finishing = true;
    upload->wants_room = false;
    if (!upload->busy)
        send_work(upload);
}

static void free_later(void *arg)
{
    upload_free(arg);
}

void artifact_upload_abort(struct artifact_upload *upload)
{
    upload->aborted = true;
    if (!upload->busy)
        loop_defer_free(upload->plan.loop, free_later, upload);
}
