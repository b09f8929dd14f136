#pragma once
/* Notices of what happened, in the order of the stream; see migrations/0009_dashboard.sql. */
#include "server/db/db.h"

extern const struct db_stmt *const store_notice_statements[];

enum { STORE_NOTICE_DAYS = 7, STORE_DELIVERY_DAYS = 30 };

/* Numbers what is new: rows seq, tenant_id, event, and the JSON text that the stream shows, of all
 * tenants, that follow `after`. */
void store_notice_take(struct db *db, int64_t after, int64_t limit, db_done_fn *done, void *arg);
/* One row: the newest number, and the oldest that is still kept (or one more than the newest). */
void store_notice_bounds(struct db *db, db_done_fn *done, void *arg);
/* Of one tenant, the same columns. */
void store_notice_page(struct db *db, int64_t tenant_id, int64_t after, int64_t limit,
                       db_done_fn *done, void *arg);
/* Forgets notices after STORE_NOTICE_DAYS and what became of deliveries after
 * STORE_DELIVERY_DAYS. */
void store_notice_forget(struct db *db, db_done_fn *done, void *arg);
