#pragma once
/* Components: what has versions on a device. See store_tenant.h. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_component_statements[];

struct store_component {
    const struct store_actor *actor;
    const char *product; /* uuid */
    const char *type;
    const char *name;
};

/* ERR_NOT_FOUND without the product; no row when the product has such a component. */
void store_component_create(struct db *db, const struct store_component *component,
                            db_done_fn *done, void *arg);
/* NULL: any. */
struct store_component_filter {
    const char *name;
    const char *type;
    const char *product; /* uuid */
};
void store_component_list(struct db *db, const struct store_page *page,
                          const struct store_component_filter *filter, db_done_fn *done, void *arg);
