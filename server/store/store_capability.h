#pragma once
/*
 * What one device may do for a while: records of who allowed it, until when. See store_tenant.h.
 *
 * "document" is the canonical statement of it. Nothing here signs that: an online key that could
 * would open every device to whoever steals the server.
 */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_capability_statements[];

struct store_capability {
    const struct store_actor *actor;
    const uint8_t *device; /* HASH_BYTES */
    const char *name;
    const char *reason;
    int64_t expires_ms;
};
/* ERR_CONFLICT for a device that was decommissioned, or has it already. */
void store_capability_issue(struct db *db, const struct store_capability *capability,
                            db_done_fn *done, void *arg);
/* `device` (HASH_BYTES) may be NULL: of all. With `past` also those that are over. */
void store_capability_list(struct db *db, const struct store_page *page, const uint8_t *device,
                           bool past, db_done_fn *done, void *arg);
void store_capability_revoke(struct db *db, const struct store_actor *actor, const char *id,
                             db_done_fn *done, void *arg);
