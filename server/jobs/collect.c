/*
 *   mark what is needed and what is not -> remove rows -> remove files -> note that they are gone
 *
 * each until there is nothing left. A file is removed only when it is older than its removal: one
 * that is younger was uploaded again, and its row will say so in a moment.
 */
#include "server/jobs/collect.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/artifact/store.h"
#include "server/store/store_collect.h"

enum { AT_ONCE = 100 };

struct leaving {
    uint8_t sha256[HASH_BYTES];
    int64_t removed_ms;
    bool is_shared; /* others need these bytes: the file stays */
    bool is_gone;
};

struct collector {
    struct collect_place place;
    bool is_running;
    struct leaving files[AT_ONCE];
    size_t file_count;
    struct err err; /* of the background thread */
};

struct collector *collector_new(const struct collect_place *place)
{
    struct collector *collector = mem_alloc(sizeof(*collector));

    collector->place = *place;
    return collector;
}

void collector_free(struct collector *collector)
{
    mem_free(collector);
}

bool collector_is_running(const struct collector *collector)
{
    return collector->is_running;
}

static bool failed(struct collector *collector, const struct err *err)
{
    if (!err)
        return false;
    collector->is_running = false;
    LOG_WARNING("collect.failed", "error=%s", err->text);
    return true;
}

/* --- files -------------------------------------------------------------------------------------
 */

static void list_files(struct collector *collector);

static void on_noted(const struct db_result *result, const struct err *err, void *arg)
{
    (void)result;
    if (!failed(arg, err))
        list_files(arg);
}

/* On the background thread. */
static void remove_files(void *arg)
{
    struct collector *collector = arg;

    collector->err = (struct err){0};
    for (size_t i = 0; i < collector->file_count; i++) {
        struct leaving *file = &collector->files[i];

        file->is_gone =
            file->is_shared || artifact_store_remove(collector->place.artifacts, file->sha256,
                                                     file->removed_ms, &collector->err);
    }
}

static void on_removed(void *arg)
{
    struct collector *collector = arg;
    struct db_slice hashes[AT_ONCE];
    size_t count = 0;

    if (collector->err.code != ERR_NONE)
        LOG_WARNING("collect.file_left", "error=%s", collector->err.text);
    for (size_t i = 0; i < collector->file_count; i++) {
        if (collector->files[i].is_gone)
            hashes[count++] =
                (struct db_slice){.data = collector->files[i].sha256, .len = HASH_BYTES};
    }
    if (count == 0) { /* the next run tries again */
        collector->is_running = false;
        return;
    }
    LOG_INFO("collect.removed", "files=%zu", count);
    store_collect_gone(collector->place.db, hashes, count, on_noted, collector);
}

static void on_leaving(const struct db_result *result, const struct err *err, void *arg)
{
    struct collector *collector = arg;

    if (failed(collector, err))
        return;
    collector->file_count = 0;
    for (size_t row = 0; row < db_rows(result) && row < AT_ONCE; row++) {
        struct leaving *file = &collector->files[collector->file_count];

        *file = (struct leaving){.removed_ms = db_time_ms(result, row, 1),
                                 .is_shared = db_bool(result, row, 2)};
        if (db_bytes(result, row, 0, file->sha256, HASH_BYTES))
            collector->file_count++;
    }
    if (collector->file_count == 0) {
        collector->is_running = false;
        return;
    }
    offload_send(collector->place.offload, collector->place.loop, remove_files, on_removed,
                 collector);
}

static void list_files(struct collector *collector)
{
    store_collect_leaving(collector->place.db, AT_ONCE, on_leaving, collector);
}

/* --- rows --------------------------------------------------------------------------------------
 */

static void remove_rows(struct collector *collector);

static void on_rows(const struct db_result *result, const struct err *err, void *arg)
{
    struct collector *collector = arg;

    if (failed(collector, err))
        return;
    if (db_i64(result, 0, 0) > 0)
        remove_rows(collector);
    else
        list_files(collector);
}

static void remove_rows(struct collector *collector)
{
    store_collect_remove(collector->place.db, AT_ONCE, collector->place.grace_s, on_rows,
                         collector);
}

static void mark(struct collector *collector);

static void on_marked(const struct db_result *result, const struct err *err, void *arg)
{
    struct collector *collector = arg;

    if (failed(collector, err))
        return;
    if (db_i64(result, 0, 0) > 0)
        mark(collector);
    else
        remove_rows(collector);
}

static void mark(struct collector *collector)
{
    store_collect_mark(collector->place.db, AT_ONCE, on_marked, collector);
}

void collector_run(struct collector *collector)
{
    if (collector->is_running)
        return;
    collector->is_running = true;
    mark(collector);
}
