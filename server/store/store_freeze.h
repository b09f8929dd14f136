#pragma once
/* The freeze calendar: times in which no device of the tenant switches. See store_tenant.h. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_freeze_statements[];

struct store_freeze {
    const struct store_actor *actor;
    int64_t starts_ms;
    int64_t ends_ms;
    const char *reason;
};
/* ERR_CONFLICT when another one overlaps it. */
void store_freeze_add(struct db *db, const struct store_freeze *freeze, db_done_fn *done,
                      void *arg);
/* With `past` also those that are over or were removed. */
void store_freeze_list(struct db *db, const struct store_page *page, bool past, db_done_fn *done,
                       void *arg);
void store_freeze_remove(struct db *db, const struct store_actor *actor, const char *id,
                         db_done_fn *done, void *arg);
