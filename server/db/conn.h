#pragma once
/*
 * One connection in pipeline mode: connects by itself, again and again with back-off, runs the
 * transactions it is given in order, and fails those in flight when it dies.
 */
#include "server/db/call.h"
#include "server/db/stmt.h"

struct loop;
struct db_conn;

/* All run from the loop, never from inside a call below. */
struct conn_events {
    void (*on_up)(struct db_conn *conn, void *arg);
    /* After it was up, or after an attempt failed; `why` is borrowed. */
    void (*on_down)(struct db_conn *conn, const struct err *why, void *arg);
    /* Results were read: there is room in the pipeline again. */
    void (*on_room)(struct db_conn *conn, void *arg);
    void (*on_notify)(const char *channel, const char *payload, void *arg); /* may be NULL */
    void *arg;
};

/* Where to, and as whom. */
struct conn_target {
    char *conninfo;
    char *role; /* NULL: who logs in */
};

/* Starts connecting. `target`, `statements` and `events` stay the caller's and must outlive
 * the connection. */
struct db_conn *conn_new(struct loop *loop, const struct conn_target *target,
                         struct stmt_set *statements, const struct conn_events *events);
/* Transactions in flight end with ERR_UNAVAILABLE. */
void conn_free(struct db_conn *conn);
bool conn_is_up(const struct db_conn *conn);
size_t conn_in_flight(const struct db_conn *conn);
/* Takes a transaction over; the connection is up. */
void conn_send(struct db_conn *conn, struct db_tx *tx);
