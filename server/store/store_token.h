#pragma once
/* Operators' tokens. Only digests come here. See store_tenant.h for what these functions share. */
#include "lib/crypto/hash.h"
#include "lib/crypto/token.h"
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_token_statements[];

/* What is kept of a new token. */
struct store_secret {
    char id[TOKEN_OPERATOR_ID_ROOM]; /* the part that names it */
    uint8_t digest[HASH_BYTES];
};

struct store_token {
    const struct store_actor *actor; /* who makes it */
    struct store_secret secret;
    const char *name;
    const char *role;
    const char *const *products; /* uuids that it is narrowed to; none: to nothing */
    size_t product_count;
    const char *const *groups;
    size_t group_count;
    int64_t expires_ms;
};

/* ERR_NOT_FOUND for a product or group that the tenant has not; no row when the id is taken. */
void store_token_create(struct db *db, const struct store_token *token, db_done_fn *done,
                        void *arg);
void store_token_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg);
/* `id` as in the token. One that is revoked already stays as it was. */
void store_token_revoke(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg);

/* Rows of every token that is not revoked: id, tenant_id, digest, role, expires_at. */
void store_token_all(struct db *db, db_done_fn *done, void *arg);
struct store_token_use {
    int64_t token_id;
    int64_t used_ms;
};
void store_token_used(struct db *db, const struct store_token_use *uses, size_t count,
                      db_done_fn *done, void *arg);
