#pragma once
/* Devices as operators see them. See store_tenant.h. */
#include "lib/crypto/hash.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_device_view_statements[];

/* `group` is a uuid, or NULL: all. ERR_NOT_FOUND without the group. */
void store_device_list(struct db *db, const struct store_page *page, const char *group,
                       db_done_fn *done, void *arg);
/* With its deployments and last reports. */
void store_device_get(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                      db_done_fn *done, void *arg);
/* What the director last signed for it; no row: nothing yet. */
void store_device_director(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                           db_done_fn *done, void *arg);
