#pragma once
/*
 * The image repository's documents and online keys. Rows here, not JSON: server/repo works with
 * the bytes.
 */
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_repo_statements[];

/* Every tenant: id, name, newest version (0: none) of root, targets, snapshot, timestamp. */
void store_repo_heads(struct db *db, db_done_fn *done, void *arg);
/* Rows role, version, bytes, expires_at of one tenant: all roots, and of the other roles the
 * newest three; by role and version. */
void store_repo_documents(struct db *db, int64_t tenant_id, db_done_fn *done, void *arg);

struct store_online_key {
    uint8_t seed[32];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
};
/* Keeps the two keys if the tenant has none yet. Rows role, seed: the keys that it has. */
void store_repo_keys(struct db *db, int64_t tenant_id, const struct store_online_key *snapshot,
                     const struct store_online_key *timestamp, db_done_fn *done, void *arg);

struct store_document {
    const char *role;
    uint64_t version;
    const void *bytes;
    size_t len;
    int64_t expires_ms;
};

struct store_publication {
    int64_t tenant_id;
    uint64_t before[4]; /* versions of root, targets, snapshot, timestamp it was made from */
    const struct store_document *documents;
    size_t count;
};
/* All of them in one transaction; ERR_CONFLICT when the repository is not as it was `before`. */
void store_repo_publish(struct db *db, const struct store_publication *publication,
                        db_tx_done_fn *done, void *arg);
