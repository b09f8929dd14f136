#pragma once
/*
 * The statements that say what a device may fetch: grant and withdraw, each for a batch of devices.
 * Each answers with one row per asked device, in no particular order. The other permission, to
 * switch, is in store_activate.h.
 *
 * Whoever grants locks the group's budget row first, in a statement of its own, so that the next
 * one of the transaction sees all that was granted before: concurrency, bytes and the number of a
 * phase's devices are then exact, however many servers ask.
 *
 * All of them are idempotent: an ask whose `assignment` is not the device's any more changes
 * nothing. Each device at most once in a batch.
 */
#include "server/store/standing.h"

extern const struct db_stmt *const store_grant_statements[];

struct store_grant {
    int64_t device_id;
    int64_t deployment_id;
    int64_t phase;         /* the first that holds the device */
    int64_t assignment;    /* the device's, as memory knows it, */
    int64_t own;           /* and as the device says */
    const uint8_t *image;  /* SHA-256 of what it shall fetch: the goal, or a stepping stone */
    const uint8_t *source; /* ... of what it runs; NULL: it did not say */
    int64_t bytes;         /* that it will fetch */
};

enum store_grant_outcome {
    GRANT_GIVEN,
    GRANT_NOT_NOW, /* the deployment, the group or the device do not permit it (any more) */
    GRANT_FULL,    /* the phase has its devices, or concurrency or bytes are used up */
};
struct store_granted {
    struct store_standing standing;
    int64_t asked_id; /* the deployment of the ask */
    bool has_row;     /* the device has a row in the deployment, from now or from before */
    enum store_grant_outcome outcome;
    int64_t penalty_until_ms; /* it failed too often; 0: never */
};
/* Writes the row only while the deployment runs (or is its group's baseline), its phase has come
 * and the budgets leave room; cancels what the device was offered before, unless it is past the
 * switch. A row of the same deployment is opened again where it may be retried, or waits for its
 * next image after a stepping stone. */
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
 * no baseline any more, or halted and followed by another one; or when the device has gone to
 * another group or out of service. */
void store_grant_withdraw(struct db *db, const struct store_withdrawal *asks, size_t count,
                          db_done_fn *done, void *arg);
