#pragma once
/*
 * What devices say, kept exactly once: the key is (device, epoch, seq). A batch is one statement:
 * the rows, the moves of deployment_device that they cause, and the counters, all or nothing.
 */
#include "lib/wire/device.h"
#include "server/store/standing.h"

extern const struct db_stmt *const store_report_statements[];

struct store_report {
    int64_t device_id;
    int64_t tenant_id;
    const struct wire_report *said;
};

/* Any order, duplicates within the batch and of what is stored already are harmless; a row that
 * was stored before moves nothing. One result row per (device, deployment) of the batch. */
void store_report_add(struct db *db, const struct store_report *reports, size_t count,
                      db_done_fn *done, void *arg);

/* Where that row of deployment_device is now. */
struct store_reported {
    /* In that deployment, which need not be the device's newest; UPDATE_IDLE: it was never granted
     * it. `wants_image`: this batch said that a stepping stone is done. */
    struct store_standing standing;
    bool is_moved; /* by this batch */
};
void store_reported_read(const struct db_result *result, size_t row, struct store_reported *out);
