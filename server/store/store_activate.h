#pragma once
/*
 * The second permission: a device may switch. Read and counted under the lock of its group's
 * budget row like a grant, so that the cap on open outcomes holds exactly: at most `start` devices
 * and one more for each success, for the deployment and for each stratum, until the gate lifted
 * the cap.
 */
#include "server/store/standing.h"

extern const struct db_stmt *const store_activate_statements[];

struct store_activation {
    int64_t device_id;
    const char *deployment; /* uuid */
    int64_t assignment;
};
struct store_activated {
    struct store_standing standing;
    size_t ask; /* its place in the batch */
    bool go;
    /* When not: the deployment's state ("paused", "halted", "aborted"), "superseded", "stopped" (a
     * kill switch), "held", "frozen", "gate" (too many outcomes are open), "not-now"; borrowed. */
    const char *reason;
};
/* One row per ask. A device that was allowed once, asks again and is refused for good has not
 * switched: its row is then cancelled, so that it does not stand in the way of the next
 * deployment. */
void store_grant_activate(struct db *db, const struct store_activation *asks, size_t count,
                          db_done_fn *done, void *arg);
void store_activated_read(const struct db_result *result, size_t row, struct store_activated *out);
