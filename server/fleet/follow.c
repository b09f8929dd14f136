/*
 * A change bears the time at which its transaction began, and may be seen only when that one has
 * ended. So a reading begins some time before the newest change that the last one saw: longer than
 * a statement may run. What is read twice is the same.
 */
#include "server/fleet/follow.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "server/limits.h"

static const int64_t overlap_ms = 3LL * DB_STATEMENT_MS_MAX;
/* How far the database's clock may be behind ours. */
static const int64_t clocks_apart_ms = 600000;

struct fleet_follow {
    struct fleet_index *index;
    struct db *db;
    int64_t newest_ms; /* of all that was read */
    int64_t at_ms;     /* of this reading: the last one ... */
    int64_t at_row;    /* ... of the page before */
    bool is_reading;
    bool is_stale;
    bool has_failed;
};

struct fleet_follow *fleet_follow_new(struct fleet_index *index)
{
    struct fleet_follow *follow = mem_alloc(sizeof(*follow));

    follow->index = index;
    follow->newest_ms = clock_now_ms() - clocks_apart_ms;
    return follow;
}

void fleet_follow_free(struct fleet_follow *follow)
{
    mem_free(follow);
}

static void on_page(const struct db_result *result, const struct err *err, void *arg);

static void read_page(struct fleet_follow *follow)
{
    store_device_changed(follow->db, follow->at_ms, follow->at_row, FLEET_PAGE_ROWS, on_page,
                         follow);
}

static void on_page(const struct db_result *result, const struct err *err, void *arg)
{
    struct fleet_follow *follow = arg;
    size_t rows = err ? 0 : db_rows(result);

    for (size_t row = 0; row < rows; row++) {
        struct store_device device;

        store_device_read(result, row, &device);
        (void)fleet_index_add(follow->index, &device); /* shared: found by its id */
        follow->at_ms = device.changed_ms;
        follow->at_row = device.id;
    }
    if (follow->at_ms > follow->newest_ms)
        follow->newest_ms = follow->at_ms;
    if (rows == FLEET_PAGE_ROWS) {
        read_page(follow);
        return;
    }
    follow->is_reading = false;
    follow->has_failed = err != NULL;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR("fleet.devices_failed", "reason='%s'", err->text);
    if (follow->is_stale && !err)
        fleet_follow_read(follow, follow->db);
}

void fleet_follow_read(struct fleet_follow *follow, struct db *db)
{
    follow->is_stale = follow->is_reading;
    if (follow->is_reading)
        return;
    follow->db = db;
    follow->is_reading = true;
    follow->at_ms = follow->newest_ms - overlap_ms;
    follow->at_row = 0;
    read_page(follow);
}

void fleet_follow_retry(struct fleet_follow *follow, struct db *db)
{
    if (follow->has_failed)
        fleet_follow_read(follow, db);
}
