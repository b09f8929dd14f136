#pragma once
/*
 * Device groups. See store_tenant.h for what all these functions share.
 *
 * Properties come as one JSON object whose members were checked by the caller: what it has is
 * set, null where a property may be missing clears it, what it has not stays.
 */
#include "server/store/actor.h"
#include "server/store/page.h"
#include "server/store/until.h"

extern const struct db_stmt *const store_group_statements[];

/* `product` (a uuid) and `name` may be NULL: all. */
void store_group_list(struct db *db, const struct store_page *page, const char *product,
                      const char *name, db_done_fn *done, void *arg);
void store_group_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done, void *arg);
/* "product" (a uuid) and "name" are needed. No row when the product has one of that name. */
void store_group_create(struct db *db, const struct store_actor *actor, const char *properties,
                        db_done_fn *done, void *arg);
/* ERR_CONFLICT for a new name that is taken, and for any of a default group. */
void store_group_change(struct db *db, const struct store_actor *actor, const char *id,
                        const char *properties, db_done_fn *done, void *arg);
/* ERR_CONFLICT with the reason: a default group, one with devices, expected ones or an unfinished
 * deployment. Its claim tokens end with it. */
void store_group_delete(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg);
void store_group_hold(struct db *db, const struct store_actor *actor, const char *id,
                      const struct store_hold *hold, db_done_fn *done, void *arg);
