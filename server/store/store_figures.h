#pragma once
/* Figures that the server gathers now and then: history for charts, sums for collectors. */
#include "server/db/db.h"

extern const struct db_stmt *const store_figures_statements[];

/* One look at each group: JSON texts by image ({"hex": n}) and by class. Written where it differs
 * from the look before, one row for ten minutes. */
struct store_look {
    int64_t group_id;
    int64_t tenant_id;
    const char *counts;
    const char *classes;
};
void store_figures_look(struct db *db, const struct store_look *looks, size_t count,
                        db_done_fn *done, void *arg);
/* Notes the counters of deployments under way, where they moved. */
void store_figures_history(struct db *db, db_done_fn *done, void *arg);
/* Rows: tenant, state, deployments. */
void store_figures_states(struct db *db, db_done_fn *done, void *arg);
/* Rows of deployments under way, at most `limit`: tenant, deployment, gate, statistic, lower bound,
 * upper bound ("" where there is none). */
void store_figures_evidence(struct db *db, int64_t limit, db_done_fn *done, void *arg);
/* One row: deliveries queued, and dead ones of the last day. */
void store_figures_queue(struct db *db, db_done_fn *done, void *arg);
