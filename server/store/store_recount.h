#pragma once
/* Counters of deployments against the rows that they count, and what is kept for how long. */
#include "server/db/db.h"

extern const struct db_stmt *const store_recount_statements[];

/* Of the first deployment above row `after` that is under way or ended in the last two days: its
 * row, its public id, how many counters differ, and one of them in words. No row: there is none
 * left. One snapshot: what moves meanwhile is no drift. */
void store_recount_next(struct db *db, int64_t after, db_done_fn *done, void *arg);
/* Makes partitions from today on, drops those that are too old. One row: made, dropped. */
void store_retention_run(struct db *db, int64_t raw_days, db_done_fn *done, void *arg);
/* Forgets what was seen of queues that were quiet for long. */
void store_retention_epochs(struct db *db, db_done_fn *done, void *arg);
