/*
 * Filling: the model, then all devices page by page, then all sessions. Devices before sessions,
 * because a session points to its device. A failed read is tried again from where it was.
 */
#include "server/fleet/fleet.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/fleet/follow.h"
#include "server/limits.h"
#include "server/store/store_session.h"

enum { PACE_SLOTS = 1024 };

enum fill_step { FILL_MODEL, FILL_DEVICES, FILL_SESSIONS, FILL_DONE };

struct fleet {
    struct fleet_index *index;
    struct model_holder *model;
    struct loop *loop;
    struct db *db;
    struct loop_timer *retry;
    enum fill_step step;
    int64_t last_device;
    uint8_t last_digest[HASH_BYTES];
    bool has_last_digest;
    /* the model */
    int64_t version;
    bool is_loading;
    bool is_stale; /* something changed while it was read */
    bool is_checking;
    struct fleet_follow *follow;
    /* last-seen times on their way */
    struct store_seen *seen;
    size_t seen_count; /* 0: none is on its way */
    /* per group, when its next grant of the baseline is due; groups share slots */
    _Atomic int64_t due_us[PACE_SLOTS];
    /* per deployment, until when it is known to be full */
    _Atomic int64_t full_until_ms[PACE_SLOTS];
    void (*moved_fn)(void *arg);
    void *moved_arg;
};

struct fleet *fleet_new(void)
{
    struct fleet *fleet = mem_alloc(sizeof(*fleet));

    fleet->index = fleet_index_new();
    fleet->model = model_holder_new();
    fleet->follow = fleet_follow_new(fleet->index);
    fleet->seen = mem_array(SEEN_BATCH_MAX, sizeof(*fleet->seen));
    for (size_t i = 0; i < PACE_SLOTS; i++) {
        atomic_init(&fleet->due_us[i], 0);
        atomic_init(&fleet->full_until_ms[i], 0);
    }
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    model_holder_free(fleet->model);
    fleet_follow_free(fleet->follow);
    fleet_index_free(fleet->index);
    mem_free(fleet->seen);
    mem_free(fleet);
}

struct fleet_index *fleet_index_of(struct fleet *fleet)
{
    return fleet->index;
}

struct model_holder *fleet_model_of(struct fleet *fleet)
{
    return fleet->model;
}

bool fleet_is_ready(const struct fleet *fleet)
{
    return fleet->step == FILL_DONE;
}

/* --- the model ----------------------------------------------------------------------------------
 */

static void fill(struct fleet *fleet);

static void on_model(const struct db_result *const *results, size_t count, const struct err *err,
                     void *arg)
{
    struct fleet *fleet = arg;
    struct model *model;

    (void)count;
    fleet->is_loading = false;
    if (err) {
        LOG_WARNING("fleet.model_failed", "reason='%s'", err->text);
    } else {
        model = model_new(results);
        fleet->version = model_version(model);
        model_holder_set(fleet->model, model);
    }
    if (fleet->step == FILL_MODEL && err) {
        loop_timer_set(fleet->retry, FLEET_RETRY_MS);
        return;
    }
    if (fleet->step == FILL_MODEL) {
        fleet->step = FILL_DEVICES;
        fill(fleet);
    }
    if (fleet->is_stale && !err)
        fleet_reload(fleet); /* after an error the next check does it */
}

void fleet_reload(struct fleet *fleet)
{
    fleet->is_stale = fleet->is_loading;
    if (fleet->is_loading || !fleet->db)
        return;
    fleet->is_loading = true;
    store_model_load(fleet->db, on_model, fleet);
    if (fleet->step == FILL_DONE)
        fleet_follow_read(fleet->follow, fleet->db);
}

static void on_version(const struct db_result *result, const struct err *err, void *arg)
{
    struct fleet *fleet = arg;

    fleet->is_checking = false;
    if (!err && store_model_version_read(result) != fleet->version)
        fleet_reload(fleet);
}

void fleet_check(void *arg)
{
    struct fleet *fleet = arg;

    if (fleet->is_checking || fleet->step == FILL_MODEL)
        return;
    fleet->is_checking = true;
    store_model_version(fleet->db, on_version, fleet);
    fleet_follow_retry(fleet->follow, fleet->db);
}

/* --- filling ------------------------------------------------------------------------------------
 */

static void on_devices(const struct db_result *result, const struct err *err, void *arg)
{
    struct fleet *fleet = arg;

    if (err) {
        loop_timer_set(fleet->retry, FLEET_RETRY_MS);
        return;
    }
    for (size_t row = 0; row < db_rows(result); row++) {
        struct store_device device;

        store_device_read(result, row, &device);
        (void)fleet_index_add(fleet->index, &device); /* found again by its session */
        fleet->last_device = device.id;
    }
    if (db_rows(result) < FLEET_PAGE_ROWS)
        fleet->step = FILL_SESSIONS;
    fill(fleet);
}

static void on_sessions(const struct db_result *result, const struct err *err, void *arg)
{
    struct fleet *fleet = arg;
    struct store_session session;

    if (err) {
        loop_timer_set(fleet->retry, FLEET_RETRY_MS);
        return;
    }
    for (size_t row = 0; row < db_rows(result); row++) {
        struct fleet_device *device;

        store_session_read(result, row, &session);
        device = fleet_index_find_row(fleet->index, session.device_id);
        if (device)
            fleet_session_add(fleet->index, device, session.digest, session.expires_ms);
        __builtin_memcpy(fleet->last_digest, session.digest, sizeof(fleet->last_digest));
        fleet->has_last_digest = true;
    }
    if (db_rows(result) < FLEET_PAGE_ROWS) {
        fleet->step = FILL_DONE;
        LOG_INFO("fleet.ready", "devices=%zu", fleet_index_count(fleet->index));
    }
    fill(fleet);
}

static void fill(struct fleet *fleet)
{
    switch (fleet->step) {
    case FILL_MODEL:
        fleet_reload(fleet);
        break;
    case FILL_DEVICES:
        store_device_page(fleet->db, fleet->last_device, FLEET_PAGE_ROWS, on_devices, fleet);
        break;
    case FILL_SESSIONS:
        store_session_page(fleet->db, fleet->has_last_digest ? fleet->last_digest : NULL,
                           FLEET_PAGE_ROWS, on_sessions, fleet);
        break;
    case FILL_DONE:
        fleet_follow_read(fleet->follow, fleet->db); /* what changed while it was filled */
        break;
    }
}

static void on_retry(void *arg)
{
    fill(arg);
}

void fleet_start(struct fleet *fleet, struct loop *loop, struct db *db)
{
    fleet->loop = loop;
    fleet->db = db;
    fleet->retry = loop_timer_new(loop, on_retry, fleet);
    fill(fleet);
}

void fleet_stop(struct fleet *fleet)
{
    loop_timer_free(fleet->retry);
    fleet->retry = NULL;
}

/* --- last seen ----------------------------------------------------------------------------------
 */

static void on_seen_written(const struct db_result *result, const struct err *err, void *arg)
{
    struct fleet *fleet = arg;
    bool was_full = fleet->seen_count == SEEN_BATCH_MAX;

    (void)result;
    if (err && err->code != ERR_UNAVAILABLE) /* an outage is told by the database's own lines */
        LOG_ERROR("fleet.seen_failed", "reason='%s'", err->text);
    if (err)
        fleet_index_return_seen(fleet->index, fleet->seen, fleet->seen_count);
    fleet->seen_count = 0;
    if (!err && was_full)
        fleet_flush_seen(fleet);
}

static int compare_rows(const void *a, const void *b)
{
    const struct store_seen *x = a, *y = b;

    return (x->device_id > y->device_id) - (x->device_id < y->device_id);
}

void fleet_flush_seen(void *arg)
{
    struct fleet *fleet = arg;

    if (fleet->seen_count > 0 || fleet->step != FILL_DONE)
        return;
    fleet->seen_count = fleet_index_take_seen(fleet->index, fleet->seen, SEEN_BATCH_MAX);
    if (fleet->seen_count == 0)
        return;
    qsort(fleet->seen, fleet->seen_count, sizeof(*fleet->seen), compare_rows);
    store_seen_write(fleet->db, fleet->seen, fleet->seen_count, on_seen_written, fleet);
}

bool fleet_is_flushing(const struct fleet *fleet)
{
    return fleet->seen_count > 0;
}

/* --- pace ---------------------------------------------------------------------------------------
 * Each grant makes the next one due a step later; a burst of one second's worth is let through. */

bool fleet_pace(struct fleet *fleet, int64_t group_id, int64_t now_mono_ms)
{
    static const int64_t step_us = 1000000 / BASELINE_GRANTS_PER_S_MAX;
    _Atomic int64_t *due = &fleet->due_us[(uint64_t)group_id % PACE_SLOTS];
    int64_t now_us = now_mono_ms * 1000;
    int64_t known = atomic_load(due);

    for (;;) {
        int64_t base = known > now_us - 1000000 ? known : now_us - 1000000;

        if (base + step_us > now_us)
            return false;
        if (atomic_compare_exchange_weak(due, &known, base + step_us))
            return true;
    }
}

/* --- counters moved ------------------------------------------------------------------------------
 */

void fleet_on_moved(struct fleet *fleet, void (*fn)(void *arg), void *arg)
{
    fleet->moved_fn = fn;
    fleet->moved_arg = arg;
}

void fleet_moved(struct fleet *fleet)
{
    if (fleet->moved_fn)
        fleet->moved_fn(fleet->moved_arg);
}

void fleet_full(struct fleet *fleet, int64_t deployment_id, int64_t now_mono_ms)
{
    atomic_store(&fleet->full_until_ms[(uint64_t)deployment_id % PACE_SLOTS],
                 now_mono_ms + FLEET_FULL_MS);
}

bool fleet_is_full(struct fleet *fleet, int64_t deployment_id, int64_t now_mono_ms)
{
    return now_mono_ms < atomic_load(&fleet->full_until_ms[(uint64_t)deployment_id % PACE_SLOTS]);
}
