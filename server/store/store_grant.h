#pragma once
/*
 * The three statements that change what a device may do, each for a batch of devices: grant (may
 * fetch), withdraw (may no longer) and activate (may switch). Each reads the deployments under a
 * lock, so that a pause or a halt that was answered is honoured by whatever comes after it; and
 * each answers with one row per asked device, in no particular order.
 *
 * All of them are idempotent: an ask whose `assignment` is not the device's any more changes
 * nothing. Each device at most once in a batch.
 */
#include "server/store/standing.h"

extern const struct db_stmt *const store_grant_statements[];

struct store_grant {
    int64_t device_id;
    int64_t deployment_id;
    int64_t phase;      /* the first that holds the device's place */
    int64_t assignment; /* the device's, as memory knows it, */
    int64_t own;        /* and as the device says */
};
struct store_granted {
    struct store_standing standing;
    int64_t asked_id; /* the deployment of the ask */
    bool has_row;     /* the device has a row in the deployment, from now or from before */
};
/* Writes the row only while the deployment runs (or is its group's baseline) and its phase has
 * come; cancels what the device was offered before, unless it is past the switch. */
void store_grant_add(struct db *db, const struct store_grant *asks, size_t count, db_done_fn *done,
                     void *arg);
void store_granted_read(const struct db_result *result, size_t row, struct store_granted *out);

struct store_withdrawal {
    int64_t device_id;
    int64_t deployment_id;
    int64_t assignment;
    int64_t own;
};
/* Cancels the device's row before the switch when its deployment is over: aborted, finished and
 * no baseline any more, or halted and followed by another one. */
void store_grant_withdraw(struct db *db, const struct store_withdrawal *asks, size_t count,
                          db_done_fn *done, void *arg);

struct store_activation {
    int64_t device_id;
    const char *deployment; /* uuid */
    int64_t assignment;
};
struct store_activated {
    struct store_standing standing;
    size_t ask; /* its place in the batch */
    bool go;
    const char
        *reason; /* when not: "paused", "halted", "aborted", "superseded", "not-now"; borrowed */
};
/* A device that was allowed once, asks again and is refused has not switched: its row is then
 * cancelled, so that it does not stand in the way of the next deployment. */
void store_grant_activate(struct db *db, const struct store_activation *asks, size_t count,
                          db_done_fn *done, void *arg);
void store_activated_read(const struct db_result *result, size_t row, struct store_activated *out);
