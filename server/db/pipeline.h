#pragma once
/*
 * What is written to a connection and not answered yet: transactions in the order in which
 * PostgreSQL will answer them. Each ends at its sync, because only then is it committed.
 */
#include "server/db/call.h"
#include "server/db/stmt.h"

struct pipeline {
    struct stmt_set *statements;
    struct list in_flight;
    size_t count; /* transactions; preparations are not counted */
    bool prepared[DB_STATEMENTS_MAX];
    struct err unprepared; /* why the last preparation failed: the reason of what follows it */
};

void pipeline_init(struct pipeline *pipeline, struct stmt_set *statements);
/* Takes the transaction over. False: libpq refuses, the connection is lost; the transaction
 * stands in the pipeline all the same. */
MUST_USE bool pipeline_send(struct pipeline *pipeline, PGconn *pg, struct db_tx *tx);
/* Ends everything that the bytes read so far answer. */
void pipeline_read(struct pipeline *pipeline, PGconn *pg);
/* The connection is gone: ends everything with `why`. */
void pipeline_fail(struct pipeline *pipeline, const struct err *why);
/* When the head was sent; false when nothing is in flight. */
bool pipeline_oldest(const struct pipeline *pipeline, int64_t *since_mono_ms);
