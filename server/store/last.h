#pragma once
/*
 * A transaction of which only the last statement's answer matters: the ones before it lock. Its
 * end is told like that of one call.
 */
#include "lib/base/mem.h"
#include "server/db/db.h"

struct store_last {
    db_done_fn *done;
    void *arg;
};

static inline void store_last_done(const struct db_result *const *results, size_t count,
                                   const struct err *err, void *arg)
{
    AUTO_FREE struct store_last *last = arg;

    if (last->done)
        last->done(err ? NULL : results[count - 1], err, last->arg);
}

static inline struct db_tx *store_last_tx(struct db *db, db_done_fn *done, void *arg)
{
    struct store_last *last = mem_alloc(sizeof(*last));

    *last = (struct store_last){done, arg};
    return db_tx_new(db, store_last_done, last);
}
