/* The life of calls and transactions outside the connection: made, bound (bind.c), ended. */
#include "server/db/call.h"

#include "lib/base/mem.h"

struct db_tx *tx_new(struct db *db, void *arg)
{
    struct db_tx *tx = mem_alloc(sizeof(*tx));

    list_init(&tx->link);
    tx->db = db;
    tx->arg = arg;
    return tx;
}

struct db_tx *db_tx_new(struct db *db, db_tx_done_fn *done, void *arg)
{
    struct db_tx *tx = tx_new(db, arg);

    tx->tx_done = done;
    return tx;
}

bool db_stmt_has_scope(const struct db_stmt *stmt)
{
    switch (stmt->scope) {
    case DB_TENANT:
        return stmt->tenant_param >= 1 && stmt->tenant_param <= stmt->params;
    case DB_EVERY_TENANT:
    case DB_NO_TENANT:
        return stmt->tenant_param == 0;
    }
    return false;
}

struct db_call *db_tx_call(struct db_tx *tx, const struct db_stmt *stmt)
{
    struct db_call *call;

    ASSERT(tx->count < DB_TX_CALLS_MAX);
    ASSERT(db_stmt_has_scope(stmt));
    call = mem_alloc(sizeof(*call) + stmt->params * sizeof(call->values[0]));
    call->tx = tx;
    call->stmt = stmt;
    buf_init(&call->bytes, DB_CALL_BYTES_MAX);
    tx->calls[tx->count++] = call;
    return call;
}

struct db_call *db_call_new(struct db *db, const struct db_stmt *stmt, db_done_fn *done, void *arg)
{
    struct db_tx *tx = tx_new(db, arg);

    tx->done = done;
    return db_tx_call(tx, stmt);
}

void db_tx_free(struct db_tx *tx)
{
    if (!tx)
        return;
    ASSERT(list_is_empty(&tx->link)); /* one that was sent is not the caller's any more */
    for (size_t i = 0; i < tx->count; i++) {
        PQclear(tx->results[i].pg);
        buf_done(&tx->calls[i]->bytes);
        mem_free(tx->calls[i]);
    }
    mem_free(tx);
}

void db_call_free(struct db_call *call)
{
    if (call)
        db_tx_free(call->tx);
}

void db_send(struct db_call *call)
{
    ASSERT(!call->tx->tx_done && call->tx->count == 1);
    db_tx_send(call->tx);
}

const char *call_scope(const struct db_call *call)
{
    const struct db_value *value;

    switch (call->stmt->scope) {
    case DB_TENANT:
        value = &call->values[call->stmt->tenant_param - 1];
        ASSERT(value->len > 0 && value->format == 0);
        return (const char *)call->bytes.data + value->offset;
    case DB_EVERY_TENANT:
        return "*";
    case DB_NO_TENANT:
        break;
    }
    return "";
}

bool tx_check(struct db_tx *tx)
{
    struct err err;

    ASSERT(tx->count > 0);
    for (size_t i = 0; i < tx->count; i++) {
        ASSERT(tx->calls[i]->bound == tx->calls[i]->stmt->params);
        if (tx->calls[i]->bytes.failed) {
            (void)err_set(&err, ERR_LIMIT, "the values of '%s' are longer than %d bytes",
                          tx->calls[i]->stmt->name, DB_CALL_BYTES_MAX);
            tx_fail(tx, &err);
        }
    }
    return !tx->failed;
}

void tx_fail(struct db_tx *tx, const struct err *err)
{
    if (tx->failed)
        return;
    tx->failed = true;
    tx->err = *err;
}

void tx_end(struct db_tx *tx)
{
    const struct db_result *results[DB_TX_CALLS_MAX];

    list_remove(&tx->link);
    for (size_t i = 0; i < tx->count; i++)
        results[i] = &tx->results[i];
    if (tx->tx_done)
        tx->tx_done(tx->failed ? NULL : results, tx->failed ? 0 : tx->count,
                    tx->failed ? &tx->err : NULL, tx->arg);
    else if (tx->done)
        tx->done(tx->failed ? NULL : &tx->results[0], tx->failed ? &tx->err : NULL, tx->arg);
    db_tx_free(tx);
}
