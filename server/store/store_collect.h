#pragma once
/* Which images are kept and why, and those that go (migration 0011). */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"

extern const struct db_stmt *const store_artifact_statements[]; /* of operators */
extern const struct db_stmt *const store_collect_statements[];  /* of the collector */

/* {"sha256", "state", "reasons": [{"reason", "detail"}], ...}; no row: there is none. */
void store_artifact_why(struct db *db, int64_t tenant_id, const uint8_t sha256[HASH_BYTES],
                        db_done_fn *done, void *arg);
/* A lock keeps it whatever else; `reason` NULL takes the lock away. Answers as why does. */
void store_artifact_lock(struct db *db, const struct store_actor *actor,
                         const uint8_t sha256[HASH_BYTES], const char *reason, db_done_fn *done,
                         void *arg);

/* For the collector; each answers with one row: how many it met. */
void store_collect_mark(struct db *db, int64_t at_most, db_done_fn *done, void *arg);
void store_collect_remove(struct db *db, int64_t at_most, int64_t grace_s, db_done_fn *done,
                          void *arg);
/* Files to remove: rows of hash, removed at (the newest of all tenants'), and whether another
 * tenant, a delta or a trust file needs the same bytes. */
void store_collect_leaving(struct db *db, int64_t at_most, db_done_fn *done, void *arg);
/* Their files are gone, unless they were uploaded again meanwhile. */
void store_collect_gone(struct db *db, const struct db_slice *hashes, size_t count,
                        db_done_fn *done, void *arg);
