#pragma once
/*
 * PostgreSQL for one loop: a small pool of connections in pipeline mode, and the only home of
 * libpq. Nothing blocks (but the lookup of a host name at connect: use hostaddr= or a socket).
 *
 * A call is one statement and its values; it is a transaction of its own. A db_tx is several
 * calls in one transaction. Both are queued by *_send(), written to a connection at the end of
 * the loop turn, and end exactly once, later, from the loop, never from inside a call here:
 * after the commit with a result, or with an error. An err with ERR_UNAVAILABLE means try later;
 * when the connection died in between the outcome is unknown, so retried statements must be
 * idempotent. Nothing can be cancelled: who may be gone by then passes an `arg` that survives.
 * Calls run in no particular order; what must be in order belongs in one db_tx.
 *
 * A waiting call (no connection, or all pipelines full) fails with ERR_UNAVAILABLE after
 * DB_WAIT_MS_MAX, and at once when DB_WAITING_MAX calls wait already.
 *
 * Errors (see error.h for the whole table): unavailable = lost or refused connection, shutdown,
 * serialization failure, deadlock, timeout; conflict = unique, foreign key, check or exclusion
 * violation (the text names the constraint) or SQLSTATE SL409; and what a function of ours says
 * with RAISE: P0001 and SL400 invalid, P0002 and SL404 not found, SL403 denied; all others are
 * ERR_SYSTEM, which is a mistake of ours.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct loop;
struct db;
struct db_call;
struct db_tx;
struct db_result;

/* Whose rows a statement may meet. PostgreSQL's row-level security holds it to that, whatever
 * its WHERE says: the scope is told to the database (setting slipway.tenant) in the statement's
 * own transaction. Zero is none of these: who forgets it is stopped by an assertion. */
enum db_scope {
    DB_TENANT = 1,   /* one tenant's: parameter `tenant_param` is its id, bound as a number */
    DB_EVERY_TENANT, /* the server's own work: batches of many devices, memory, jobs */
    DB_NO_TENANT,    /* no table of tenants at all */
};

/* A `static const` above the function that uses it. Prepared on each connection at first use;
 * the name is unique in the program. */
struct db_stmt {
    const char *name;
    unsigned params; /* $1 .. $params, each bound exactly once, in order */
    enum db_scope scope;
    unsigned tenant_param; /* of DB_TENANT: n of the $n; else 0 */
    const char *sql;
};

/* Does it say whose rows it may meet, and by which parameter? Asserted at every call. */
bool db_stmt_has_scope(const struct db_stmt *stmt);

/* Either `err` is NULL or `result` is; both are borrowed for the duration of the call. */
typedef void db_done_fn(const struct db_result *result, const struct err *err, void *arg);
/* `results[i]` belongs to the i-th call of the transaction, which is committed. */
typedef void db_tx_done_fn(const struct db_result *const *results, size_t count,
                           const struct err *err, void *arg);
/* A NOTIFY arrived (`payload`), or the listening connection was made again (NULL): whatever was
 * announced in between is lost, so read everything. */
typedef void db_notify_fn(const char *payload, void *arg);

/* Starts connecting `connections` times; false only for a `conninfo` that cannot be read. `role`
 * is the role to act as (SET ROLE at connect), NULL: who logs in. */
MUST_USE bool db_open(struct loop *loop, const char *conninfo, const char *role,
                      unsigned connections, struct db **out, struct err *err);
/* Whom the server acts as, so that it owns no table and row-level security holds it. */
#define DB_RUNTIME_ROLE "slipway_runtime"
/* Calls that have not ended are ended with ERR_UNAVAILABLE, from inside this function. */
void db_close(struct db *db);
/* At least one connection is up. */
bool db_is_up(const struct db *db);

/* --- one statement ------------------------------------------------------------------------------
 */
/* Owned by the caller until db_send() or db_call_free(). `done` may be NULL. */
struct db_call *db_call_new(struct db *db, const struct db_stmt *stmt, db_done_fn *done, void *arg);
void db_call_free(struct db_call *call);
void db_send(struct db_call *call);

/* --- several statements, one transaction -------------------------------------------------------
 */
struct db_tx *db_tx_new(struct db *db, db_tx_done_fn *done, void *arg);
/* The next statement; bind to it, never send or free it. At most DB_TX_CALLS_MAX. */
struct db_call *db_tx_call(struct db_tx *tx, const struct db_stmt *stmt);
void db_tx_free(struct db_tx *tx);
void db_tx_send(struct db_tx *tx);

/* --- values, in the order of the parameters; all are copied; NULL pointers bind SQL NULL --------
 */
void db_bind_null(struct db_call *call);
/* Any type that PostgreSQL reads from text: text, uuid, numeric, interval, inet, ... */
void db_bind_text(struct db_call *call, const char *text);
void db_bind_text_len(struct db_call *call, const char *text, size_t len);
void db_bind_i64(struct db_call *call, int64_t value); /* any integer type */
void db_bind_bool(struct db_call *call, bool value);
void db_bind_bytes(struct db_call *call, const void *data, size_t len); /* bytea */
void db_bind_time_ms(struct db_call *call, int64_t time_ms);            /* timestamptz */
void db_bind_json(struct db_call *call, const char *json);              /* json, jsonb */

/* Arrays travel in binary, so the statement says their type: `unnest($1::bigint[])`. */
struct db_slice {
    const void *data; /* NULL: the element is NULL */
    size_t len;
};
void db_bind_i64_array(struct db_call *call, const int64_t *values, size_t count); /* bigint[] */
void db_bind_i32_array(struct db_call *call, const int32_t *values, size_t count); /* integer[] */
void db_bind_time_ms_array(struct db_call *call, const int64_t *times_ms,
                           size_t count); /* timestamptz[] */
void db_bind_text_array(struct db_call *call, const char *const *texts, size_t count); /* text[] */
void db_bind_bytes_array(struct db_call *call, const struct db_slice *slices,
                         size_t count); /* bytea[] */

/* --- results: rows and columns count from 0 ----------------------------------------------------
 */
size_t db_rows(const struct db_result *result);
unsigned db_columns(const struct db_result *result);
/* Rows that an INSERT, UPDATE or DELETE without RETURNING touched. */
uint64_t db_affected(const struct db_result *result);
bool db_is_null(const struct db_result *result, size_t row, unsigned col);
/* As PostgreSQL prints it, "" for NULL. Borrowed from the result. */
const char *db_text(const struct db_result *result, size_t row, unsigned col);
/* 0 for NULL; anything but an integer in range is a mistake of ours (assertion). */
int64_t db_i64(const struct db_result *result, size_t row, unsigned col);
bool db_bool(const struct db_result *result, size_t row, unsigned col);
/* timestamptz to milliseconds (cut, not rounded), 0 for NULL. */
int64_t db_time_ms(const struct db_result *result, size_t row, unsigned col);
/* The length of a bytea. */
size_t db_bytes_len(const struct db_result *result, size_t row, unsigned col);
/* Copies a bytea of exactly `len` bytes; false when it has another length or is NULL. */
MUST_USE bool db_bytes(const struct db_result *result, size_t row, unsigned col, void *out,
                       size_t len);
/* Appends a bytea. */
void db_bytes_add(const struct db_result *result, size_t row, unsigned col, struct buf *out);

/* --- notifications ------------------------------------------------------------------------------
 */
/* Calls `fn` for every NOTIFY on `channel` ([a-z_]+) and, with NULL, after every (re)connect of
 * the one connection that listens. Until db_close(). */
void db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg);

/* --- counting, for metrics and tests --------------------------------------------------------- */
struct db_stats {
    uint64_t sent;     /* statements given to a connection; preparing and scopes do not count */
    uint64_t failed;   /* calls and transactions that ended with an error */
    uint64_t connects; /* connections made, the first ones included */
    size_t waiting;    /* calls and transactions without a connection */
    size_t in_flight;  /* ... and on one */
};
void db_stats(const struct db *db, struct db_stats *out);
/* Every statement that was ever sent and how often. */
typedef void db_count_fn(const struct db_stmt *stmt, uint64_t sent, void *arg);
void db_each_count(const struct db *db, db_count_fn *fn, void *arg);
