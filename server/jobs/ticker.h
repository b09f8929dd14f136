#pragma once
/*
 * The clock of deployments: takes the census, reads the counters, lets server/rollout judge, and
 * writes the verdict. Without an unfinished deployment it runs no SQL. The gate alone is also
 * judged whenever a batch of reports moved a counter.
 */
struct db;
struct fleet;
struct loop;
struct ticker;

struct ticker *ticker_new(struct loop *loop, struct db *db, struct fleet *fleet);
/* After the database was closed, before the loop is. */
void ticker_free(struct ticker *ticker);
/* The job; `arg` is the ticker. */
void ticker_run(void *arg);
