#pragma once
/* The online keys of a tenant: made at first use, kept in the database, never in memory for
 * longer than the work that needs them. */
#include "server/repo/compose.h"

struct db;
struct sign_key;

struct repo_keys {
    struct sign_key *snapshot;
    struct sign_key *timestamp;
};

/* Either `err` is NULL or `keys` is. The keys are the receiver's, to free with
 * repo_keys_done(). */
typedef void repo_keys_fn(struct repo_keys *keys, const struct err *err, void *arg);
void repo_keys_get(struct db *db, int64_t tenant_id, repo_keys_fn *done, void *arg);
void repo_keys_done(struct repo_keys *keys);
