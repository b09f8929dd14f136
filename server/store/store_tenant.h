#pragma once
/*
 * Tenants.
 *
 * As in every store_*.h of this folder: a function runs one statement; unless said otherwise its
 * result is one row with one text column, the JSON that the API answers with, and no row when
 * the thing is not there (or, for a creation, exists already). Expected refusals come as errors
 * with the words to show. The *_statements arrays end with NULL; a test prepares them all.
 */
#include "server/store/actor.h"
#include "server/store/page.h"
#include "server/store/store_token.h"

extern const struct db_stmt *const store_tenant_statements[];

/* Makes a tenant and its first administrator's token; no row when the name is taken. Refused
 * unless the actor's was made by the installation itself. */
void store_tenant_create(struct db *db, const struct store_actor *actor, const char *name,
                         const struct store_secret *first, db_done_fn *done, void *arg);
/* The caller's own tenant and those it made. */
void store_tenant_list(struct db *db, const struct store_page *page, const char *name,
                       db_done_fn *done, void *arg);
/* How far one person may go alone, and the kill switch: {"approval_devices": N, "approval_changes":
 * BOOL, "updates_stopped": BOOL, "stopped_reason": TEXT}. */
void store_tenant_settings(struct db *db, int64_t tenant_id, db_done_fn *done, void *arg);
struct store_tenant_change {
    int64_t approval_devices; /* below 0: as it is */
    int approval_changes;     /* 0 or 1; below 0: as it is */
    int updates_stopped;      /* the same: no grant and no activation for any device */
    const char *reason;       /* of stopping */
};
void store_tenant_change(struct db *db, const struct store_actor *actor,
                         const struct store_tenant_change *change, db_done_fn *done, void *arg);
