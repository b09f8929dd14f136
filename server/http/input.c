/*
 * Bytes in: read into the server's scratch memory, used from there, and only what could not be
 * used (a part of a head, a request that came too early) is kept.
 */
#include "server/http/internal.h"
#include "server/http/tls.h"

static void take_head(struct connection *connection, struct bytes *in)
{
    struct http_refusal refusal;
    const char *data = (const char *)in->data + in->pos;
    struct http_scan *scan = &connection->scan;

    if (bytes_left(in) == 0)
        return;
    if (connection->state == CONNECTION_IDLE)
        connection_move(connection, CONNECTION_HEAD);
    switch (http_scan(scan, data, bytes_left(in), &refusal)) {
    case HTTP_SCAN_MORE:
        break;
    case HTTP_SCAN_REFUSED:
        dispatch_refuse(connection, &refusal);
        break;
    case HTTP_SCAN_DONE:
        (void)bytes_take(in, scan->pos);
        dispatch(connection, data + scan->head, scan->pos - scan->head, in);
        break;
    }
}

/* Hands a piece of the body on. False when the exchange is not to be touched any more. */
static bool give(struct connection *connection, const struct bytes *piece)
{
    struct exchange *exchange = connection->exchange;
    bool last = http_body_ended(&exchange->body);

    if (exchange->req.route->streamed) {
        if (piece->len == 0 && !last)
            return true;
        exchange->last_given = last;
        exchange->body_fn(&exchange->req, piece->data, piece->len, last, exchange->body_arg);
        if (connection->state != CONNECTION_BODY)
            return false;
        if (last)
            connection_move(connection, CONNECTION_WAIT);
        return !last;
    }
    buf_add(&exchange->whole, piece->data, piece->len);
    if (!last)
        return true;
    exchange->req.body = (const uint8_t *)buf_text(&exchange->whole);
    exchange->req.body_len = exchange->whole.len;
    connection_move(connection, CONNECTION_WAIT);
    dispatch_handler(exchange);
    return false;
}

static void take_body(struct connection *connection, struct bytes *in)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct exchange *exchange = connection->exchange;

    if (!exchange_is_held(exchange) && exchange->continue_due) {
        exchange->continue_due = false;
        connection_write(connection, go_on, sizeof(go_on) - 1, false);
    }
    while (connection->state == CONNECTION_BODY && !exchange_is_held(exchange)) {
        struct http_refusal refusal;
        struct bytes piece;

        if (bytes_left(in) == 0 && !http_body_ended(&exchange->body))
            return;
        if (!http_body_feed(&exchange->body, in, &piece, &refusal)) {
            dispatch_refuse(connection, &refusal);
            return;
        }
        if (!give(connection, &piece))
            return;
    }
}

static void take_linger(struct connection *connection, struct bytes *in)
{
    connection->lingered_bytes += bytes_left(in);
    (void)bytes_take(in, bytes_left(in));
    if (connection->lingered_bytes > HTTP_LINGER_BYTES_MAX)
        connection_close(connection);
}

/* Uses what it can of `in`, as long as the connection is in a state that takes input. */
static void take(struct connection *connection, struct bytes *in)
{
    enum connection_state state;
    size_t pos;

    do {
        state = connection->state;
        pos = in->pos;
        if (state == CONNECTION_IDLE || state == CONNECTION_HEAD)
            take_head(connection, in);
        else if (state == CONNECTION_BODY)
            take_body(connection, in);
        else if (state == CONNECTION_LINGER)
            take_linger(connection, in);
    } while (connection->state != state || in->pos != pos);
}

bool input_use_kept(struct connection *connection)
{
    enum connection_state state = connection->state;
    struct buf kept = connection->in; /* a close meanwhile must not free what is being read */
    struct bytes in = bytes_of(buf_text(&kept), kept.len);

    buf_init(&connection->in, kept.max);
    take(connection, &in);
    if (connection->state == CONNECTION_CLOSED || bytes_left(&in) == 0) {
        buf_done(&kept);
    } else {
        buf_consume(&kept, in.pos);
        connection->in = kept;
    }
    return connection->state != state || in.pos > 0;
}

static void input_ended(struct connection *connection)
{
    connection->input_ended = true;
    switch (connection->state) {
    case CONNECTION_WAIT: /* it may have ended its side only: the answer is still worth sending */
    case CONNECTION_ANSWER:
        break;
    case CONNECTION_HANDSHAKE:
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
    case CONNECTION_STREAM: /* nobody listens without hearing */
    case CONNECTION_LINGER:
        connection_close(connection);
        break;
    case CONNECTION_CLOSED:
    case CONNECTION_STATE_COUNT:
        ASSERT(false); /* a closed connection reads nothing */
    }
}

bool input_step(struct connection *connection, struct turn *turn)
{
    struct http_server *server = connection->server;
    size_t room = connection->state == CONNECTION_BODY ? HTTP_READ_BODY_BYTES : HTTP_READ_BYTES;
    size_t done = 0;
    enum io_result result;

    if (turn->drained || turn->budget == 0)
        return false;
    result = io_read(&connection->io, server->scratch, room, &done);
    if (result == IO_ENDED) {
        input_ended(connection);
        return false;
    }
    if (result != IO_DONE) {
        (void)connection_blocked(connection, result,
                                 LOOP_READ); /* closed or waiting: nothing came */
        return false;
    }
    turn->drained = done < room && !(connection->io.tls && tls_has_pending(connection->io.tls));
    turn->budget -= done < turn->budget ? done : turn->budget;
    if (connection->in.len) { /* a part of a head, mostly: goes on behind it */
        buf_add(&connection->in, server->scratch, done);
        ASSERT(!connection->in.failed);
        (void)input_use_kept(connection);
    } else {
        struct bytes in = bytes_of(server->scratch, done);

        take(connection, &in);
        if (bytes_left(&in) && connection->state != CONNECTION_CLOSED)
            buf_add(&connection->in, server->scratch + in.pos, bytes_left(&in));
    }
    return true;
}
