#pragma once
/* Why the devices that a running deployment waits for do not come on. */
#include "server/db/db.h"

extern const struct db_stmt *const store_stuck_statements[];

/* The deployment's internal id, or no row. */
void store_stuck_find(struct db *db, int64_t tenant_id, const char *deployment, db_done_fn *done,
                      void *arg);

/* Of devices by their row ids, in the order given. One row with one column, a JSON array of those
 * that have not moved for `quiet_s`:
 *
 *   {"device", "hwid", "reason", "state" | null, "since", "last_seen", "attempts", "refusal",
 *    "detail"}
 *
 * REASON: paused, stopped, penalty, not-polling, budget, fetching, failing, halted, frozen, gate,
 * window, deferred, staged, no-outcome. */
struct store_stuck {
    int64_t tenant_id;
    int64_t deployment_id;
    const int64_t *device_ids;
    size_t count;
    int64_t quiet_s;
};
void store_stuck_load(struct db *db, const struct store_stuck *stuck, db_done_fn *done, void *arg);
