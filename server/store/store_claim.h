#pragma once
/* Claim tokens: the right of so many devices to join a group. See store_tenant.h. */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_claim_statements[];

struct store_claim {
    const struct store_actor *actor;
    const char *group; /* uuid */
    uint8_t digest[HASH_BYTES];
    int64_t count;
    int64_t expires_ms;
};

/* ERR_NOT_FOUND when the tenant has no such group. */
void store_claim_create(struct db *db, const struct store_claim *claim, db_done_fn *done,
                        void *arg);
/* `product` and `group` (uuids) may be NULL: all. */
void store_claim_list(struct db *db, const struct store_page *page, const char *product,
                      const char *group, db_done_fn *done, void *arg);
/* For good; who joined with it stays. */
void store_claim_revoke(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg);
