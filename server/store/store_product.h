#pragma once
/* Products: models of device. See store_tenant.h for what all these functions share. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_product_statements[];

struct store_product {
    const struct store_actor *actor;
    const char *name;
    const char *const *hwids;
    size_t hwid_count;
};

/* With its five groups; no row when the name is taken. */
void store_product_create(struct db *db, const struct store_product *product, db_done_fn *done,
                          void *arg);
/* A new name (NULL: as it is) and more hardware ids; `hwid_max` together. ERR_CONFLICT for a name
 * that is taken, or too many. */
void store_product_change(struct db *db, const char *id, const struct store_product *change,
                          int64_t hwid_max, db_done_fn *done, void *arg);
void store_product_list(struct db *db, const struct store_page *page, const char *name,
                        db_done_fn *done, void *arg);
void store_product_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                       void *arg);
