/*
 * One connection, driven by connection_pump(): as long as something can be done at once, do it;
 * then say what to wait for. A read goes into the server's scratch memory and is used from there;
 * only what could not be used is kept, so an idle connection holds no buffer.
 *
 * Nothing that follows a request is parsed before that request's answer was sent. What a client
 * pipelines meanwhile waits in the kernel, but for one read.
 */
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/http/internal.h"
#include "server/http/tls.h"

void connection_move(struct connection *connection, enum connection_state to)
{
    ASSERT(connection_may_move(connection->state, to));
    connection->state = to;
    connection->since_mono_ms = clock_mono_ms();
}

static void connection_free(void *arg)
{
    mem_free(arg);
}

void connection_close(struct connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->state == CONNECTION_CLOSED)
        return;
    connection_move(connection, CONNECTION_CLOSED);
    loop_event_free(connection->event);
    connection->event = NULL;
    tls_session_free(connection->io.tls);
    connection->io.tls = NULL;
    (void)close(connection->io.fd);
    buf_done(&connection->in);
    buf_done(&connection->out);
    list_remove(&connection->link);
    if (connection->exchange)
        exchange_detach(connection->exchange);
    loop_defer_free(server->loop, connection_free, connection);
    server_connection_closed(server);
}

bool connection_blocked(struct connection *connection, enum io_result result, int expected)
{
    int wants = result == IO_WANTS_READ ? LOOP_READ : LOOP_WRITE;

    if (result != IO_WANTS_READ && result != IO_WANTS_WRITE) {
        connection_close(connection);
        return false;
    }
    if (wants != expected)
        connection->tls_wants |= wants;
    return true;
}

static bool step_handshake(struct connection *connection)
{
    enum io_result result = tls_handshake(connection->io.tls);

    if (result == IO_DONE) {
        connection_move(connection, CONNECTION_IDLE);
        return true;
    }
    (void)connection_blocked(connection, result, LOOP_READ); /* closed or waiting: not set up */
    return false;
}

static bool wants_input(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HANDSHAKE:
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
    case CONNECTION_LINGER:
        return true;
    case CONNECTION_BODY:
        return !exchange_is_held(connection->exchange);
    case CONNECTION_WAIT: /* to learn when the client leaves; what comes is kept */
    case CONNECTION_STREAM:
        return connection->in.len == 0 && !connection->input_ended;
    case CONNECTION_ANSWER:
    case CONNECTION_CLOSED:
    case CONNECTION_STATE_COUNT:
        break;
    }
    return false;
}

/* Does one thing. True when another may be possible. */
static bool step(struct connection *connection, struct turn *turn)
{
    switch (connection->state) {
    case CONNECTION_HANDSHAKE:
        return step_handshake(connection);
    case CONNECTION_ANSWER:
        return output_step_answer(connection, turn);
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
    case CONNECTION_LINGER:
        if (input_use_kept(connection))
            return true;
        return wants_input(connection) && input_step(connection, turn);
    case CONNECTION_WAIT:
    case CONNECTION_STREAM:
        return wants_input(connection) && input_step(connection, turn);
    case CONNECTION_CLOSED:
    case CONNECTION_STATE_COUNT:
        break;
    }
    return false;
}

/* What to wake up for. */
static void set_interest(struct connection *connection)
{
    int what = connection->tls_wants;

    if (connection->state == CONNECTION_CLOSED)
        return;
    if (wants_input(connection))
        what |= LOOP_READ;
    if (output_is_waiting(connection) || connection->state == CONNECTION_ANSWER)
        what |= LOOP_WRITE;
    loop_event_set(connection->event, what);
}

void connection_pump(struct connection *connection)
{
    struct turn turn = {.budget = HTTP_WAKEUP_BYTES};

    if (connection->state == CONNECTION_CLOSED || connection->pumping)
        return;
    connection->pumping = true;
    connection->tls_wants = 0;
    /* A stream's pieces, or a 100 that was blocked: the body may come anyway. */
    if (connection->state != CONNECTION_ANSWER && output_is_waiting(connection) &&
        output_flush(connection, &turn) && connection->state == CONNECTION_STREAM)
        stream_has_room(connection->exchange);
    while (step(connection, &turn))
        ;
    connection->pumping = false;
    /* Bytes that OpenSSL has read already do not wake us. */
    if (turn.budget == 0 && connection->io.tls && wants_input(connection))
        connection_queue_pump(connection);
    set_interest(connection);
}

static void on_queued_pump(void *arg)
{
    struct connection *connection = arg;

    connection->pump_queued = false;
    connection_pump(connection);
}

void connection_queue_pump(struct connection *connection)
{
    if (connection->pumping || connection->pump_queued || connection->state == CONNECTION_CLOSED)
        return;
    connection->pump_queued = true;
    loop_later(connection->server->loop, on_queued_pump, connection);
}

/* Called by a handler that answers later, from its own callback: the answer goes out at once, but
 * the next request of the connection is not begun inside that callback. */
void connection_answered(struct connection *connection)
{
    struct turn turn = {.budget = HTTP_WAKEUP_BYTES};

    if (connection->state == CONNECTION_CLOSED) /* the write found it lost */
        return;
    connection_move(connection, CONNECTION_ANSWER);
    if (connection->pumping)
        return;
    if (output_step_answer(connection, &turn) && (connection->in.len || connection->io.tls))
        connection_queue_pump(connection);
    set_interest(connection);
}

static void on_event(int fd, int what, void *arg)
{
    (void)fd;
    (void)what;
    connection_pump(arg);
}

void connection_new(struct http_server *server, int fd)
{
    struct connection *connection = mem_alloc(sizeof(*connection));

    connection->server = server;
    connection->io.fd = fd;
    connection->state = server->tls ? CONNECTION_HANDSHAKE : CONNECTION_IDLE;
    connection->since_mono_ms = clock_mono_ms();
    buf_init(&connection->in, HTTP_HEAD_BYTES_MAX + HTTP_READ_BODY_BYTES);
    buf_init(&connection->out, HTTP_ANSWER_BYTES_MAX + HTTP_HEAD_BYTES_MAX);
    list_add(&server->connections, &connection->link);
    connection->event = loop_event_new(server->loop, fd, LOOP_READ, on_event, connection);
    if (server->tls) {
        connection->io.tls = tls_session_new(server->tls, fd);
        if (!connection->io.tls)
            connection_close(connection);
    }
}

/* --- time ---------------------------------------------------------------------------------------
 */

static bool is_overdue(const struct connection *connection, int64_t now_mono_ms)
{
    struct connection_progress progress = {
        .state = connection->state,
        .since_mono_ms = connection->since_mono_ms,
    };

    progress.waiting = output_is_waiting(connection);
    if (progress.state == CONNECTION_BODY) {
        progress.held = exchange_is_held(connection->exchange);
        progress.body_bytes = connection->exchange->body.received;
    }
    return connection_overdue(&progress, now_mono_ms);
}

/* Asks again: between the sweep and the turn's end much may have happened. */
static void on_overdue(void *arg)
{
    static const struct http_refusal slow = {408, "the request took too long to arrive"};
    struct connection *connection = arg;

    if (!is_overdue(connection, clock_mono_ms()))
        return;
    if (connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY)
        dispatch_refuse(connection, &slow);
    else
        connection_close(connection);
}

void connection_sweep(struct connection *connection, int64_t now_mono_ms)
{
    /* Later, because handlers that learn of it may close other members of the swept list. */
    if (is_overdue(connection, now_mono_ms))
        loop_later(connection->server->loop, on_overdue, connection);
}

void connection_drain(struct connection *connection)
{
    if (connection->state == CONNECTION_HANDSHAKE ||
        (connection->state == CONNECTION_IDLE && connection->in.len == 0))
        connection_close(connection);
    else if (connection->state == CONNECTION_STREAM)
        stream_drain(connection->exchange);
}
