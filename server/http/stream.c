/*
 * An answer without an end. Pieces are only kept here and go out from the connection's pump, so
 * that a client that is found lost while writing is told to the handler from the loop, never from
 * inside its own call. Each piece is a chunk (RFC 9112 §7.1); to a client of HTTP/1.0 the pieces
 * are bare and the close is the end.
 */
#include "lib/base/clock.h"
#include "server/http/internal.h"

static size_t waiting_of(const struct connection *connection)
{
    return connection->out.len - connection->out_sent;
}

/* Behind what waits; what was sent already makes room. */
static void keep(struct connection *connection, const void *data, size_t len)
{
    if (connection->out_sent) {
        buf_consume(&connection->out, connection->out_sent);
        connection->out_sent = 0;
    }
    buf_add(&connection->out, data, len);
    ASSERT(!connection->out.failed); /* our callers have looked */
}

static void keep_piece(const struct exchange *exchange, const void *data, size_t len)
{
    struct connection *connection = exchange->connection;
    struct buf *piece = &exchange->server->answer;

    if (len == 0) /* an empty chunk would be the end */
        return;
    buf_reset(piece);
    if (exchange->head.minor)
        buf_printf(piece, "%zx\r\n", len);
    buf_add(piece, data, len);
    if (exchange->head.minor)
        buf_add_text(piece, "\r\n");
    keep(connection, piece->data, piece->len);
}

bool http_answer_stream_begin(struct http_request *req, const char *content_type, loop_fn *on_room)
{
    static const struct err stopping = {.code = ERR_UNAVAILABLE, .text = "the server stops"};
    struct exchange *exchange = exchange_of(req);
    struct connection *connection = exchange->connection;

    ASSERT(!exchange->answered && !exchange->streaming);
    ASSERT(req->on_gone && req->method != HTTP_HEAD && http_body_ended(&exchange->body));
    if (exchange->server && exchange->server->draining) {
        http_answer_error(req, &stopping);
        return false;
    }
    exchange->streaming = true;
    latency_note(exchange);
    exchange->close = true;
    exchange->on_room = on_room;
    if (!connection)
        return true; /* on_gone has run: the handler ends it */
    buf_reset(&exchange->server->answer);
    answer_add_head(exchange, 200, content_type, HTTP_LENGTH_UNKNOWN);
    keep(connection, exchange->server->answer.data, exchange->server->answer.len);
    connection_move(connection, CONNECTION_STREAM);
    connection_queue_pump(connection);
    return true;
}

bool http_answer_stream_write(struct http_request *req, const void *data, size_t len)
{
    const struct exchange *exchange = exchange_of(req);
    struct connection *connection = exchange->connection;

    ASSERT(exchange->streaming && !exchange->answered);
    if (!connection || len > HTTP_STREAM_BYTES_MAX ||
        waiting_of(connection) + len > HTTP_STREAM_BYTES_MAX)
        return false;
    if (!output_is_waiting(connection))
        connection->since_mono_ms = clock_mono_ms(); /* from here on the client makes us wait */
    keep_piece(exchange, data, len);
    connection_queue_pump(connection);
    return true;
}

void http_answer_stream_end(struct http_request *req, const void *last, size_t len)
{
    struct exchange *exchange = exchange_of(req);
    struct connection *connection = exchange->connection;

    ASSERT(exchange->streaming && !exchange->answered && len <= HTTP_STREAM_LAST_BYTES_MAX);
    exchange->answered = true;
    req->on_gone = NULL;
    if (!connection) {
        exchange_finish(exchange);
        return;
    }
    keep_piece(exchange, last, len);
    if (exchange->head.minor)
        keep(connection, "0\r\n\r\n", 5);
    connection_answered(connection);
}

void stream_has_room(struct exchange *exchange)
{
    if (exchange->on_room)
        exchange->on_room(exchange->req.gone_arg);
}

void stream_drain(struct exchange *exchange)
{
    loop_fn *on_gone = exchange->req.on_gone;

    exchange->req.on_gone = NULL;
    if (on_gone)
        on_gone(exchange->req.gone_arg);
}
