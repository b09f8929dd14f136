#pragma once
/*
 * A call (one statement and its values) and a transaction (the calls between two syncs of a
 * pipeline), as the rest of this folder sees them. A single call is a transaction of one.
 */
#include "lib/base/list.h"
#include "server/db/result.h"
#include "server/limits.h"

struct db_value {
    size_t offset; /* into the call's bytes */
    int len;       /* -1: NULL */
    int format;    /* 0 text, 1 binary */
};

struct db_call {
    struct db_tx *tx;
    const struct db_stmt *stmt;
    struct buf bytes; /* all values, each followed by a NUL */
    unsigned bound;
    struct db_value values[]; /* stmt->params of them */
};

struct db_tx {
    struct list link;
    struct db *db;
    db_done_fn *done; /* of a single call */
    db_tx_done_fn *tx_done;
    void *arg;
    int64_t since_mono_ms; /* queued; later: given to a connection */
    size_t count;
    size_t reading;                  /* the call whose result comes next */
    bool is_scoped[DB_TX_CALLS_MAX]; /* a scope was told before this call: its answer comes first */
    bool failed;                     /* `err` holds the first error */
    struct err err;
    struct db_call *calls[DB_TX_CALLS_MAX];
    struct db_result results[DB_TX_CALLS_MAX];
};

struct db_tx *tx_new(struct db *db, void *arg);
/* The scope of a bound call as the database is told it: an id, "*", or "" for no tenant. */
const char *call_scope(const struct db_call *call);
/* False, and failed, when a value could not be bound. */
MUST_USE bool tx_check(struct db_tx *tx);
/* Keeps the first error. */
void tx_fail(struct db_tx *tx, const struct err *err);
/* Hands the outcome to whoever waits for it, and frees. */
void tx_end(struct db_tx *tx);
