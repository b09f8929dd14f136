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
    STORE_DELTA_PLANNED_MAX = 4,         /* releases in one statement */
    STORE_DELTA_SOURCES_MAX = 8,         /* of one image */
    STORE_DELTA_IDLE_S = 30 * 24 * 3600, /* nobody fetched it for so long: it goes */
};

/* Queues the pairs of some releases that want it: new ones, and those being deployed once a
 * minute. For each image of the release: from older images of the component that at least
 * `devices_min` devices, and a thousandth, of the product run; at most STORE_DELTA_SOURCES_MAX of
 * them, by what a second of making them saves: devices times bytes, as the component's deltas
 * before went. One row: how many releases were looked at. */
void store_delta_plan(struct db *db, int64_t devices_min, db_done_fn *done, void *arg);
/* Takes the queued row that saves most for the time it takes. One row, or none: id, tenant_id,
 * sha256 and length of `from` and of `to`. */
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
    uint64_t cpu_ms; /* that making it took */
};
/* Ends a running row as kept or dropped. */
void store_delta_made(struct db *db, const struct store_delta_made *made, db_done_fn *done,
                      void *arg);
/* Those that nobody fetched for STORE_DELTA_IDLE_S are no longer offered. */
void store_delta_collect(struct db *db, db_done_fn *done, void *arg);
/* Queued again, or failed for good when it was tried often enough. */
void store_delta_failed(struct db *db, int64_t id, const char *why, db_done_fn *done, void *arg);
