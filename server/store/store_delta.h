#pragma once
/*
 * The work of making deltas. A row of table delta is the job: queued, running under a lease, then
 * kept, dropped (not worth it) or failed. A lease that ran out belongs to a worker that died;
 * anybody claims the row again.
 */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_delta_statements[];

enum {
    STORE_DELTA_ATTEMPTS_MAX = 3,
    STORE_DELTA_PLANNED_MAX = 4, /* releases in one statement */
};

/* Queues the pairs of some releases that want it: new ones, and those being deployed once a
 * minute. For each image of the release: from every older image of the component that devices of
 * the product run, and from the groups' baselines. One row: how many releases were looked at. */
void store_delta_plan(struct db *db, db_done_fn *done, void *arg);
/* Takes the queued row that helps most devices. One row, or none: id, tenant_id, sha256 and
 * length of `from` and of `to`. */
void store_delta_claim(struct db *db, int64_t lease_s, db_done_fn *done, void *arg);
/* The worker lives. */
void store_delta_renew(struct db *db, int64_t id, int64_t lease_s, db_done_fn *done, void *arg);

struct store_delta_made {
    int64_t id;
    bool kept;
    uint8_t sha256[HASH_BYTES]; /* of the patch, when kept */
    uint64_t length;
    uint64_t full_zstd_length;
    /* What the director signs of it. */
    uint64_t header_length;
    uint8_t header_sha256[HASH_BYTES];
    uint64_t memory_bytes;
};
/* Ends a running row as kept or dropped. */
void store_delta_made(struct db *db, const struct store_delta_made *made, db_done_fn *done,
                      void *arg);
/* Queued again, or failed for good when it was tried often enough. */
void store_delta_failed(struct db *db, int64_t id, const char *why, db_done_fn *done, void *arg);
