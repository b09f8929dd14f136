#pragma once
/* Device groups. See store_tenant.h for what all these functions share. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_group_statements[];

/* `product` (a uuid) and `name` may be NULL: all. */
void store_group_list(struct db *db, const struct store_page *page, const char *product,
                      const char *name, db_done_fn *done, void *arg);
void store_group_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done, void *arg);
struct store_group_change {
    int64_t poll_interval_s;   /* 0: as it is */
    const char *update_policy; /* NULL: as it is */
};
void store_group_change(struct db *db, const struct store_actor *actor, const char *id,
                        const struct store_group_change *change, db_done_fn *done, void *arg);
