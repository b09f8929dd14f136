#pragma once
/* What charts are drawn from: counters, looks and sums. Nothing counts devices. */
#include "server/db/db.h"

extern const struct db_stmt *const store_dashboard_statements[];

struct store_dashboard_scope {
    int64_t tenant_id;
    const char *product; /* public ids; NULL: any */
    const char *group;
    int64_t since_ms;
    int64_t until_ms;
    int64_t points; /* of a history, at most */
};

/* Each answers one row of JSON; no row when there is no such deployment, product or group. */
void store_dashboard_progress(struct db *db, const struct store_dashboard_scope *scope,
                              const char *deployment, db_done_fn *done, void *arg);
void store_dashboard_versions(struct db *db, const struct store_dashboard_scope *scope,
                              db_done_fn *done, void *arg);
void store_dashboard_health(struct db *db, const struct store_dashboard_scope *scope,
                            db_done_fn *done, void *arg);
void store_dashboard_issues(struct db *db, const struct store_dashboard_scope *scope, int64_t limit,
                            db_done_fn *done, void *arg);
void store_dashboard_bytes(struct db *db, const struct store_dashboard_scope *scope,
                           db_done_fn *done, void *arg);
