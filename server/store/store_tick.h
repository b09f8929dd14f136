#pragma once
/*
 * The clock of deployments: what the counters say, and the three moves that no operator makes.
 * Of several servers one at a time moves (an advisory lock), and only what is still where the
 * caller saw it; what has moved is announced to every server's memory.
 */
#include "server/db/db.h"

extern const struct db_stmt *const store_tick_statements[];

struct store_count {
    int64_t deployment_id;
    int64_t phase;
    int64_t succeeded;
    int64_t failed;  /* and rolled back */
    bool is_running; /* neither paused nor over */
};
void store_tick_counts(struct db *db, const int64_t *deployment_ids, size_t count, db_done_fn *done,
                       void *arg);
void store_tick_read(const struct db_result *result, size_t row, struct store_count *out);

/* Of all three: one row when it moved, none when it was elsewhere by now or another server was
 * at it. */
void store_tick_advance(struct db *db, int64_t deployment_id, int64_t phase, db_done_fn *done,
                        void *arg);
/* The group's baseline is this deployment from now on. */
void store_tick_finish(struct db *db, int64_t deployment_id, int64_t phase, db_done_fn *done,
                       void *arg);
/* `evidence`: the JSON object that operators see. Also stops a paused deployment. */
void store_tick_halt(struct db *db, int64_t deployment_id, const char *evidence, db_done_fn *done,
                     void *arg);
