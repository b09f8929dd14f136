/*
 * A connection's life. Its state is moved by one function over one table; its only timer means
 * something else in each state: the next attempt, the end of an attempt, the patience with the
 * oldest transaction. The work in flight is pipeline.c's.
 */
#include "server/db/conn.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/db/error.h"
#include "server/db/pipeline.h"

enum conn_state { CONN_DOWN, CONN_CONNECTING, CONN_UP, CONN_STATE_COUNT };

static const char *const names[] = {
    [CONN_DOWN] = "down", [CONN_CONNECTING] = "connecting", [CONN_UP] = "up"};
_Static_assert(COUNT(names) == CONN_STATE_COUNT, "every state has a name");

struct move {
    enum conn_state from, to;
    const char *because;
};

/* clang-format off */
static const struct move moves[] = {
    /* from            to                because */
    {CONN_DOWN,        CONN_CONNECTING,  "the back-off is over"},
    {CONN_CONNECTING,  CONN_UP,          "PostgreSQL said welcome"},
    {CONN_CONNECTING,  CONN_DOWN,        "the attempt failed or took too long"},
    {CONN_UP,          CONN_DOWN,        "the connection was lost"},
};
/* clang-format on */

struct db_conn {
    struct loop *loop;
    const struct conn_target *target;
    const struct conn_events *events;
    enum conn_state state;
    PGconn *pg;               /* NULL when down */
    struct loop_event *event; /* NULL when down */
    struct loop_timer *timer;
    unsigned attempts; /* failed ones in a row */
    bool broken;       /* sending failed: the timer will give the connection up */
    struct pipeline pipeline;
};

static void move_to(struct db_conn *conn, enum conn_state to)
{
    size_t i = 0;

    while (i < COUNT(moves) && !(moves[i].from == conn->state && moves[i].to == to))
        i++;
    ASSERT(i < COUNT(moves)); /* the move is in the table */
    LOG_DEBUG("db.connection", "from=%s to=%s because='%s'", names[conn->state], names[to],
              moves[i].because);
    conn->state = to;
}

/* 100 ms doubling to 5 s, and of that a random half, so that workers do not knock together. */
static int64_t backoff_ms(unsigned attempts)
{
    int64_t delay_ms = DB_BACKOFF_MS_MIN;

    while (attempts-- > 1 && delay_ms < DB_BACKOFF_MS_MAX)
        delay_ms *= 2;
    if (delay_ms > DB_BACKOFF_MS_MAX)
        delay_ms = DB_BACKOFF_MS_MAX;
    return delay_ms / 2 + crypto_random_below((uint32_t)(delay_ms / 2 + 1));
}

static void drop(struct db_conn *conn)
{
    loop_event_free(conn->event); /* before libpq closes the descriptor below it */
    conn->event = NULL;
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->broken = false;
}

static void lose(struct db_conn *conn, const struct err *why)
{
    conn->attempts++;
    drop(conn);
    move_to(conn, CONN_DOWN);
    loop_timer_set(conn->timer, backoff_ms(conn->attempts));
    conn->events->on_down(conn, why, conn->events->arg);
    pipeline_fail(&conn->pipeline, why);
}

static void lose_with_message(struct db_conn *conn)
{
    struct err why;

    db_error_set(&why, NULL, PQerrorMessage(conn->pg));
    lose(conn, &why);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Sending failed. Nothing ends from inside a call, so the timer gives the connection up. */
static void break_down(struct db_conn *conn)
{
    conn->broken = true;
    loop_timer_set(conn->timer, 0);
}

static void flush(struct db_conn *conn)
{
    int left = PQflush(conn->pg);

    if (left < 0) {
        break_down(conn);
        return;
    }
    loop_event_set(conn->event, left > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

void conn_send(struct db_conn *conn, struct db_tx *tx)
{
    ASSERT(conn_is_up(conn));
    if (conn->pipeline.count == 0)
        loop_timer_set(conn->timer, DB_CALL_MS_MAX);
    if (pipeline_send(&conn->pipeline, conn->pg, tx))
        flush(conn);
    else
        break_down(conn);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void read_notifications(struct db_conn *conn)
{
    PGnotify *notify;

    while ((notify = PQnotifies(conn->pg)) != NULL) {
        if (conn->events->on_notify)
            conn->events->on_notify(notify->relname, notify->extra, conn->events->arg);
        PQfreemem(notify);
    }
}

static void on_readable(struct db_conn *conn)
{
    /* A TLS record (16 KiB) may be longer than libpq's free room (8 KiB at least): what is left
     * of it sits in the TLS layer, where no event tells of it. */
    int rounds = PQsslInUse(conn->pg) ? 3 : 1;
    bool alive = true;

    while (alive && rounds-- > 0) {
        alive = PQconsumeInput(conn->pg) == 1;
        pipeline_read(&conn->pipeline, conn->pg);
        read_notifications(conn);
    }
    if (!alive || PQstatus(conn->pg) == CONNECTION_BAD) {
        lose_with_message(conn);
        return;
    }
    conn->events->on_room(conn, conn->events->arg);
}

static void on_up_event(int fd, int what, void *arg)
{
    struct db_conn *conn = arg;

    (void)fd; /* libpq knows it */
    if (conn->broken)
        return; /* the timer is on its way */
    if (what & LOOP_WRITE)
        flush(conn);
    if ((what & LOOP_READ) && !conn->broken)
        on_readable(conn);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void on_connecting_event(int fd, int what, void *arg);

static void watch_connecting(struct db_conn *conn, int what)
{
    conn->event = loop_event_new(conn->loop, PQsocket(conn->pg), what, on_connecting_event, conn);
}

static void become_up(struct db_conn *conn)
{
    if (PQsetnonblocking(conn->pg, 1) != 0 || PQenterPipelineMode(conn->pg) != 1) {
        lose_with_message(conn);
        return;
    }
    conn->event = loop_event_new(conn->loop, PQsocket(conn->pg), LOOP_READ, on_up_event, conn);
    conn->attempts = 0;
    loop_timer_cancel(conn->timer);
    move_to(conn, CONN_UP);
    conn->events->on_up(conn, conn->events->arg);
}

static void on_connecting_event(int fd, int what, void *arg)
{
    struct db_conn *conn = arg;

    (void)fd;
    (void)what;
    /* libpq may close this socket and try the next address on another one. */
    loop_event_free(conn->event);
    conn->event = NULL;
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING:
        watch_connecting(conn, LOOP_READ);
        break;
    case PGRES_POLLING_WRITING:
        watch_connecting(conn, LOOP_WRITE);
        break;
    case PGRES_POLLING_OK:
        become_up(conn);
        break;
    default:
        lose_with_message(conn);
        break;
    }
}

/* Notices ("there is already a transaction in progress") go to nobody. */
static void on_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* Statements here are short: compiling one takes longer than any of them runs. */
static const char session_options[] = "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex "
                                      "-c statement_timeout=20000 -c jit=off";
_Static_assert(DB_STATEMENT_MS_MAX == 20000, "as in the options above");

static void connect_start(struct db_conn *conn)
{
    static const char *const keys[] = {"application_name", "keepalives_idle", "dbname",
                                       "client_encoding",  "options",         NULL};
    const char *role = conn->target->role;
    AUTO_FREE char *options =
        mem_printf("%s%s%s", session_options, role ? " -c role=" : "", role ? role : "");
    /* Left of conninfo: defaults that it may change. Right of it: what the code relies on. */
    const char *values[] = {"slipwayd", "30", conn->target->conninfo, "UTF8", options, NULL};

    move_to(conn, CONN_CONNECTING);
    loop_timer_set(conn->timer, DB_CONNECT_MS_MAX);
    conn->pg = PQconnectStartParams(keys, values, 1);
    if (!conn->pg || PQstatus(conn->pg) == CONNECTION_BAD) {
        lose_with_message(conn);
        return;
    }
    (void)PQsetNoticeReceiver(conn->pg, on_notice, NULL); /* the old one is libpq's printf */
    watch_connecting(conn, LOOP_WRITE);
}

/* Has the oldest transaction waited for its answer for too long? */
static void check_patience(struct db_conn *conn)
{
    struct err why;
    int64_t since_ms;
    int64_t age_ms;

    if (!pipeline_oldest(&conn->pipeline, &since_ms))
        return;
    age_ms = clock_mono_ms() - since_ms;
    if (age_ms < DB_CALL_MS_MAX) {
        loop_timer_set(conn->timer, DB_CALL_MS_MAX - age_ms);
        return;
    }
    (void)err_set(&why, ERR_UNAVAILABLE, "database: no answer for %d ms", DB_CALL_MS_MAX);
    lose(conn, &why);
}

static void on_timer(void *arg)
{
    struct db_conn *conn = arg;
    struct err why;

    switch (conn->state) {
    case CONN_DOWN:
        connect_start(conn);
        break;
    case CONN_CONNECTING:
        (void)err_set(&why, ERR_UNAVAILABLE, "database: no welcome within %d ms",
                      DB_CONNECT_MS_MAX);
        lose(conn, &why);
        break;
    case CONN_UP:
        if (conn->broken)
            lose_with_message(conn);
        else
            check_patience(conn);
        break;
    case CONN_STATE_COUNT: /* not a state */
        break;
    }
}

struct db_conn *conn_new(struct loop *loop, const struct conn_target *target,
                         struct stmt_set *statements, const struct conn_events *events)
{
    struct db_conn *conn = mem_alloc(sizeof(*conn));

    conn->loop = loop;
    conn->target = target;
    conn->events = events;
    conn->state = CONN_DOWN;
    pipeline_init(&conn->pipeline, statements);
    conn->timer = loop_timer_new(loop, on_timer, conn);
    loop_timer_set(conn->timer, 0);
    return conn;
}

void conn_free(struct db_conn *conn)
{
    struct err why;

    if (!conn)
        return;
    (void)err_set(&why, ERR_UNAVAILABLE, "database: closed");
    drop(conn);
    conn->state = CONN_DOWN;
    pipeline_fail(&conn->pipeline, &why);
    loop_timer_free(conn->timer);
    mem_free(conn);
}

bool conn_is_up(const struct db_conn *conn)
{
    return conn->state == CONN_UP && !conn->broken;
}

size_t conn_in_flight(const struct db_conn *conn)
{
    return conn->pipeline.count;
}
