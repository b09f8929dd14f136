#pragma once
/* Online keys of the time when they lived in the database, on their way to the signer. */
#include "server/db/db.h"

extern const struct db_stmt *const store_key_statements[];

/* Rows tenant_id, tenant's name, role, seed: what was not moved yet, of every tenant. */
void store_keys_to_move(struct db *db, db_done_fn *done, void *arg);
/* Forgets the seed. */
void store_key_moved(struct db *db, int64_t tenant_id, const char *role, db_done_fn *done,
                     void *arg);
