/*
 * A statement is prepared behind a sync of its own, in front of the transaction that needs it:
 * inside the transaction it would be skipped when an earlier statement fails, while later
 * transactions in the pipeline rely on it. Such a preparation stands in `in_flight` as a
 * transaction without calls.
 */
#include "server/db/pipeline.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/db/error.h"

/* In front of a call, in its transaction, and forgotten with it. */
static const struct db_stmt set_scope = {
    .name = "set_scope",
    .params = 1,
    .scope = DB_NO_TENANT,
    .sql = "SELECT set_config('slipway.tenant', $1, true)",
};

/* A preparation in flight; told from a transaction by its count of calls (0). */
struct prepare {
    struct db_tx tx;
    unsigned number;
};

void pipeline_fail(struct pipeline *pipeline, const struct err *why)
{
    struct list lost;
    struct list *item;

    /* The ends below may send more, so the list is taken whole first. */
    list_init(&lost);
    while ((item = list_pop(&pipeline->in_flight)) != NULL)
        list_add(&lost, item);
    pipeline->count = 0;
    memset(pipeline->prepared, 0, sizeof(pipeline->prepared));
    while ((item = list_pop(&lost)) != NULL) {
        struct db_tx *tx = LIST_OF(item, struct db_tx, link);

        if (tx->count == 0) {
            mem_free(LIST_OF(tx, struct prepare, tx));
            continue;
        }
        tx_fail(tx, why); /* keeps the error of a statement: that one is rolled back for sure */
        stmt_count_end(pipeline->statements, true);
        tx_end(tx);
    }
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool send_prepare(struct pipeline *pipeline, PGconn *pg, const struct db_stmt *stmt,
                         unsigned number)
{
    struct prepare *prepare = mem_alloc(sizeof(*prepare));

    list_init(&prepare->tx.link);
    list_add(&pipeline->in_flight, &prepare->tx.link);
    prepare->tx.since_mono_ms = clock_mono_ms();
    prepare->number = number;
    pipeline->prepared[number] = true;
    return PQsendPrepare(pg, stmt->name, stmt->sql, 0, NULL) == 1 && PQpipelineSync(pg) == 1;
}

static bool prepare_once(struct pipeline *pipeline, PGconn *pg, const struct db_stmt *stmt)
{
    unsigned number = stmt_number(pipeline->statements, stmt);

    return pipeline->prepared[number] || send_prepare(pipeline, pg, stmt, number);
}

/* Which calls need the scope told in front of them: each that has another one than the call
 * before it. A transaction begins with none. */
static bool prepare_tx(struct pipeline *pipeline, PGconn *pg, struct db_tx *tx)
{
    const char *told = "";

    for (size_t i = 0; i < tx->count; i++) {
        const char *scope = call_scope(tx->calls[i]);

        tx->is_scoped[i] = strcmp(scope, told) != 0;
        told = scope;
        if ((tx->is_scoped[i] && !prepare_once(pipeline, pg, &set_scope)) ||
            !prepare_once(pipeline, pg, tx->calls[i]->stmt))
            return false;
    }
    return true;
}

static bool send_scope(PGconn *pg, const struct db_call *call)
{
    const char *scope = call_scope(call);

    return PQsendQueryPrepared(pg, set_scope.name, 1, &scope, NULL, NULL, 0) == 1;
}

static bool send_call(PGconn *pg, const struct db_call *call)
{
    enum { PARAMS_MAX = 64 };
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
    unsigned count = call->stmt->params;

    ASSERT(count <= PARAMS_MAX);
    for (unsigned i = 0; i < count; i++) {
        const struct db_value *value = &call->values[i];

        values[i] = value->len < 0 ? NULL : (const char *)call->bytes.data + value->offset;
        lengths[i] = value->len < 0 ? 0 : value->len;
        formats[i] = value->format;
    }
    return PQsendQueryPrepared(pg, call->stmt->name, (int)count, values, lengths, formats, 0) == 1;
}

static bool send_tx(struct pipeline *pipeline, PGconn *pg, struct db_tx *tx)
{
    if (!prepare_tx(pipeline, pg, tx))
        return false;
    list_add(&pipeline->in_flight, &tx->link);
    pipeline->count++;
    for (size_t i = 0; i < tx->count; i++) {
        stmt_count(pipeline->statements, stmt_number(pipeline->statements, tx->calls[i]->stmt));
        if ((tx->is_scoped[i] && !send_scope(pg, tx->calls[i])) || !send_call(pg, tx->calls[i]))
            return false;
    }
    return PQpipelineSync(pg) == 1;
}

bool pipeline_send(struct pipeline *pipeline, PGconn *pg, struct db_tx *tx)
{
    tx->since_mono_ms = clock_mono_ms();
    if (send_tx(pipeline, pg, tx))
        return true;
    if (list_is_empty(&tx->link)) { /* its preparation failed: it ends with the rest */
        list_add(&pipeline->in_flight, &tx->link);
        pipeline->count++;
    }
    return false;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void fail_with_result(struct pipeline *pipeline, struct db_tx *tx, const PGresult *result)
{
    static const char no_such_statement[] = "26000";
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    struct err err;

    if (tx->count > 0 && pipeline->unprepared.code != ERR_NONE && state &&
        strcmp(state, no_such_statement) == 0) {
        tx_fail(tx, &pipeline->unprepared);
        return;
    }
    db_error_set(&err, state,
                 PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                     ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                     : PQresultErrorMessage(result));
    tx_fail(tx, &err);
}

/* The head's sync: committed, or rolled back as a whole. */
static void end_head(struct pipeline *pipeline)
{
    struct db_tx *tx = LIST_OF(pipeline->in_flight.next, struct db_tx, link);

    list_remove(&tx->link);
    if (tx->count > 0) {
        pipeline->count--;
        stmt_count_end(pipeline->statements, tx->failed);
        tx_end(tx);
        return;
    }
    if (tx->failed) {
        pipeline->prepared[LIST_OF(tx, struct prepare, tx)->number] = false;
        pipeline->unprepared = tx->err;
    }
    mem_free(LIST_OF(tx, struct prepare, tx));
}

/* One result of the pipeline, which always belongs to the head of `in_flight`. Takes it. */
static void on_result(struct pipeline *pipeline, PGresult *result)
{
    struct db_tx *tx = LIST_OF(pipeline->in_flight.next, struct db_tx, link);

    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        end_head(pipeline);
        return;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (tx->reading < tx->count && tx->is_scoped[tx->reading]) {
            tx->is_scoped[tx->reading] = false;
            break; /* the scope's */
        }
        if (tx->reading < tx->count) {
            tx->results[tx->reading++].pg = result;
            return;
        }
        break; /* a preparation's */
    case PGRES_PIPELINE_ABORTED:
        break; /* behind a failed one, whose error is kept */
    default:
        fail_with_result(pipeline, tx,
                         result); /* also a failed commit, which stands before the sync */
        break;
    }
    PQclear(result);
}

void pipeline_read(struct pipeline *pipeline, PGconn *pg)
{
    unsigned nulls = 0; /* libpq ends each statement with one */

    while (!list_is_empty(&pipeline->in_flight) && nulls < 2 && !PQisBusy(pg)) {
        PGresult *result = PQgetResult(pg);

        nulls = result ? 0 : nulls + 1;
        if (result)
            on_result(pipeline, result);
    }
}

void pipeline_init(struct pipeline *pipeline, struct stmt_set *statements)
{
    *pipeline = (struct pipeline){.statements = statements};
    list_init(&pipeline->in_flight);
}

bool pipeline_oldest(const struct pipeline *pipeline, int64_t *since_mono_ms)
{
    if (list_is_empty(&pipeline->in_flight))
        return false;
    *since_mono_ms = LIST_OF(pipeline->in_flight.next, struct db_tx, link)->since_mono_ms;
    return true;
}
