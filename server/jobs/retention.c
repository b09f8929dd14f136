/*
 *   partitions -> old queues -> attachments (rows, then their files, until there are none)
 *
 * A file whose row is gone and that could not be removed is only logged: nobody can reach it.
 */
#include "server/jobs/retention.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/os/file.h"
#include "server/artifact/store.h"
#include "server/store/store_attachment.h"
#include "server/store/store_recount.h"

enum { FILES_MAX = 200 }; /* at once */

struct retention {
    struct retention_place place;
    bool is_running;
    bool is_more; /* attachments, perhaps */
    uint8_t files[FILES_MAX][HASH_BYTES];
    size_t file_count;
    struct err err; /* of the background thread */
};

struct retention *retention_new(const struct retention_place *place)
{
    struct retention *retention = mem_alloc(sizeof(*retention));

    retention->place = *place;
    return retention;
}

void retention_free(struct retention *retention)
{
    mem_free(retention);
}

static void failed(struct retention *retention, const struct err *err)
{
    retention->is_running = false;
    LOG_WARNING("retention.failed", "error=%s", err->text);
}

static void expire_attachments(struct retention *retention);

/* On the background thread. */
static void remove_files(void *arg)
{
    struct retention *retention = arg;
    char path[ARTIFACT_PATH_ROOM];
    struct err err;

    retention->err = (struct err){0};
    for (size_t i = 0; i < retention->file_count; i++) {
        artifact_store_path(retention->place.attachments, retention->files[i], path);
        if (!file_remove(path, &err))
            retention->err = err; /* the last one is told */
    }
}

static void on_removed(void *arg)
{
    struct retention *retention = arg;

    if (retention->err.code != ERR_NONE)
        LOG_WARNING("retention.file_left", "error=%s", retention->err.text);
    if (retention->is_more)
        expire_attachments(retention);
    else
        retention->is_running = false;
}

static void on_expired(const struct db_result *result, const struct err *err, void *arg)
{
    struct retention *retention = arg;

    if (err) {
        failed(retention, err);
        return;
    }
    retention->file_count = 0;
    retention->is_more = db_rows(result) > 0;
    for (size_t row = 0; row < db_rows(result) && row < FILES_MAX; row++) {
        if (db_bytes(result, row, 0, retention->files[retention->file_count], HASH_BYTES))
            retention->file_count++;
    }
    if (retention->file_count > 0)
        LOG_INFO("retention.attachments", "removed=%zu", retention->file_count);
    offload_send(retention->place.offload, retention->place.loop, remove_files, on_removed,
                 retention);
}

static void expire_attachments(struct retention *retention)
{
    store_attachment_expire(retention->place.db, retention->place.attachment_days, FILES_MAX,
                            on_expired, retention);
}

static void on_epochs(const struct db_result *result, const struct err *err, void *arg)
{
    (void)result;
    if (err)
        failed(arg, err);
    else
        expire_attachments(arg);
}

static void on_partitions(const struct db_result *result, const struct err *err, void *arg)
{
    struct retention *retention = arg;

    if (err) {
        failed(retention, err);
        return;
    }
    if (db_i64(result, 0, 0) + db_i64(result, 0, 1) > 0)
        LOG_INFO("retention.partitions", "made=%s dropped=%s", db_text(result, 0, 0),
                 db_text(result, 0, 1));
    store_retention_epochs(retention->place.db, on_epochs, retention);
}

void retention_run(struct retention *retention)
{
    if (retention->is_running)
        return;
    retention->is_running = true;
    store_retention_run(retention->place.db, retention->place.raw_days, on_partitions, retention);
}
