/*
 * The pool: transactions wait in one queue, first come first served, and each goes to the
 * connection with the fewest in flight. Dispatching is a timer of zero, not a part of db_send():
 * so what one loop turn sends is written together, and no `done` runs from inside a call.
 */
#include "server/db/db.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/db/conn.h"
#include "server/db/error.h"
#include "server/db/listen.h"

struct db {
    struct loop *loop;
    struct conn_target target; /* owned texts */
    struct stmt_set *statements;
    struct conn_events events;
    struct db_conn *conns[DB_CONNECTIONS_MAX];
    size_t conn_count;
    size_t up_count;
    bool was_told_down; /* an outage is logged once */
    struct listener *listener;
    struct list waiting;
    size_t waiting_count;
    struct list refused; /* already failed; they end at the next dispatch */
    struct loop_timer *dispatch;
    struct loop_timer *expiry;
    uint64_t connects;
};

static struct db_conn *least_busy(const struct db *db)
{
    struct db_conn *best = NULL;

    for (size_t i = 0; i < db->conn_count; i++) {
        struct db_conn *conn = db->conns[i];

        if (conn_is_up(conn) && conn_in_flight(conn) < DB_PIPELINE_MAX &&
            (!best || conn_in_flight(conn) < conn_in_flight(best)))
            best = conn;
    }
    return best;
}

static void end_failed(struct db *db, struct db_tx *tx, const char *why)
{
    struct err err;

    if (why) {
        (void)err_set(&err, ERR_UNAVAILABLE, "%s", why);
        tx_fail(tx, &err);
    }
    stmt_count_end(db->statements, true);
    tx_end(tx);
}

static void set_expiry(struct db *db)
{
    const struct db_tx *oldest;
    int64_t left_ms;

    if (list_is_empty(&db->waiting)) {
        loop_timer_cancel(db->expiry);
        return;
    }
    oldest = LIST_OF(db->waiting.next, struct db_tx, link);
    left_ms = oldest->since_mono_ms + DB_WAIT_MS_MAX - clock_mono_ms();
    loop_timer_set(db->expiry, left_ms > 0 ? left_ms : 0);
}

static void dispatch(struct db *db)
{
    struct db_conn *conn;
    struct list *item;

    while ((conn = least_busy(db)) != NULL && (item = list_pop(&db->waiting)) != NULL) {
        db->waiting_count--;
        conn_send(conn, LIST_OF(item, struct db_tx, link));
    }
    set_expiry(db);
}

static void on_dispatch(void *arg)
{
    struct db *db = arg;
    struct list refused;
    struct list *item;

    list_init(&refused);
    while ((item = list_pop(&db->refused)) != NULL)
        list_add(&refused, item);
    dispatch(db);
    while ((item = list_pop(&refused)) != NULL)
        end_failed(db, LIST_OF(item, struct db_tx, link), NULL);
}

static void on_expiry(void *arg)
{
    struct db *db = arg;
    int64_t now_ms = clock_mono_ms();

    LIST_EACH(item, &db->waiting)
    {
        struct db_tx *tx = LIST_OF(item, struct db_tx, link);

        if (now_ms - tx->since_mono_ms < DB_WAIT_MS_MAX)
            break;
        list_remove(item);
        db->waiting_count--;
        end_failed(db, tx, "the database does not answer");
    }
    set_expiry(db);
}

void db_tx_send(struct db_tx *tx)
{
    struct db *db = tx->db;
    struct err err;

    ASSERT(list_is_empty(&tx->link));
    tx->since_mono_ms = clock_mono_ms();
    if (tx_check(tx) && db->waiting_count >= DB_WAITING_MAX) {
        (void)err_set(&err, ERR_UNAVAILABLE, "too many database calls are waiting");
        tx_fail(tx, &err);
    }
    if (tx->failed) {
        list_add(&db->refused, &tx->link);
    } else {
        list_add(&db->waiting, &tx->link);
        db->waiting_count++;
    }
    loop_timer_set(db->dispatch, 0);
}

/* --- events of the connections ---------------------------------------------------------------- */

static void on_up(struct db_conn *conn, void *arg)
{
    struct db *db = arg;

    (void)conn;
    db->connects++;
    if (db->up_count++ == 0) {
        LOG_INFO("db.up", "connections=%zu", db->conn_count);
        db->was_told_down = false;
    }
    dispatch(db);
}

static void count_up(struct db *db)
{
    db->up_count = 0;
    for (size_t i = 0; i < db->conn_count; i++)
        db->up_count += conn_is_up(db->conns[i]);
}

static void on_down(struct db_conn *conn, const struct err *why, void *arg)
{
    struct db *db = arg;

    (void)conn;
    count_up(db);
    if (db->up_count > 0 || db->was_told_down)
        return;
    db->was_told_down = true;
    LOG_WARNING("db.down", "reason='%s'", why->text);
}

static void on_room(struct db_conn *conn, void *arg)
{
    (void)conn;
    dispatch(arg);
}

/* --- the pool -----------------------------------------------------------------------------------
 */

static bool check_conninfo(const char *conninfo, struct err *err)
{
    char *message = NULL;
    PQconninfoOption *parsed = PQconninfoParse(conninfo, &message);

    if (!parsed) {
        db_error_set(err, NULL, message);
        PQfreemem(message);
        err->code = ERR_INVALID;
        return err_wrap(err, "could not read the connection string");
    }
    PQconninfoFree(parsed);
    return true;
}

bool db_open(struct loop *loop, const char *conninfo, const char *role, unsigned connections,
             struct db **out, struct err *err)
{
    struct db *db;

    ASSERT(connections > 0 && connections <= DB_CONNECTIONS_MAX);
    if (!check_conninfo(conninfo, err))
        return false;
    db = mem_alloc(sizeof(*db));
    db->loop = loop;
    db->target = (struct conn_target){.conninfo = mem_strdup(conninfo),
                                      .role = role ? mem_strdup(role) : NULL};
    db->statements = stmt_set_new();
    db->events =
        (struct conn_events){.on_up = on_up, .on_down = on_down, .on_room = on_room, .arg = db};
    list_init(&db->waiting);
    list_init(&db->refused);
    db->dispatch = loop_timer_new(loop, on_dispatch, db);
    db->expiry = loop_timer_new(loop, on_expiry, db);
    for (size_t i = 0; i < connections; i++)
        db->conns[i] = conn_new(loop, &db->target, db->statements, &db->events);
    db->conn_count = connections;
    *out = db;
    return true;
}

void db_close(struct db *db)
{
    struct list *item;

    if (!db)
        return;
    listener_free(db->listener);
    while (db->conn_count > 0) /* what ends here may ask whether we are up */
        conn_free(db->conns[--db->conn_count]);
    while ((item = list_pop(&db->waiting)) != NULL || (item = list_pop(&db->refused)) != NULL)
        end_failed(db, LIST_OF(item, struct db_tx, link), "the database is closed");
    loop_timer_free(db->dispatch);
    loop_timer_free(db->expiry);
    stmt_set_free(db->statements);
    mem_free((void *)db->target.conninfo);
    mem_free((void *)db->target.role);
    mem_free(db);
}

bool db_is_up(const struct db *db)
{
    for (size_t i = 0; i < db->conn_count; i++) {
        if (conn_is_up(db->conns[i]))
            return true;
    }
    return false;
}

void db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg)
{
    if (!db->listener)
        db->listener = listener_new(db->loop, &db->target, db->statements);
    listener_add(db->listener, channel, fn, arg);
}

void db_stats(const struct db *db, struct db_stats *out)
{
    *out = (struct db_stats){.sent = stmt_sent_total(db->statements),
                             .failed = stmt_failed_total(db->statements),
                             .connects = db->connects,
                             .waiting = db->waiting_count};
    for (size_t i = 0; i < db->conn_count; i++)
        out->in_flight += conn_in_flight(db->conns[i]);
}

void db_each_count(const struct db *db, db_count_fn *fn, void *arg)
{
    stmt_each(db->statements, fn, arg);
}
