/* Bytes out: what cannot be sent at once is kept until it can; then the file, then the end. */
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "server/http/internal.h"
#include "server/http/tls.h"

bool output_is_waiting(const struct connection *connection)
{
    return connection->out.len > connection->out_sent;
}

static void count_sent(struct connection *connection, size_t len)
{
    connection->since_mono_ms = clock_mono_ms();
    server_count(&connection->server->bytes_sent, len);
}

void connection_write(struct connection *connection, const void *data, size_t len, bool more)
{
    const uint8_t *at = data;

    while (len && !output_is_waiting(connection)) {
        size_t done = 0;
        enum io_result result = io_write(&connection->io, at, len, more, &done);

        if (result != IO_DONE) {
            if (!connection_blocked(connection, result, LOOP_WRITE))
                return;
            break;
        }
        count_sent(connection, done);
        at += done;
        len -= done;
    }
    if (len)
        buf_add(&connection->out, at, len);
    ASSERT(!connection->out.failed); /* answers have a limit, and there is one at a time */
}

bool output_flush(struct connection *connection, struct turn *turn)
{
    while (output_is_waiting(connection)) {
        size_t left = connection->out.len - connection->out_sent;
        size_t done = 0;
        enum io_result result;

        if (turn->budget == 0)
            return false;
        result = io_write(&connection->io, connection->out.data + connection->out_sent,
                          left < turn->budget ? left : turn->budget, false, &done);
        if (result != IO_DONE) {
            (void)connection_blocked(connection, result,
                                     LOOP_WRITE); /* closed or waiting: not empty */
            return false;
        }
        count_sent(connection, done);
        connection->out_sent += done;
        turn->budget -= done;
    }
    buf_done(&connection->out);
    connection->out_sent = 0;
    return true;
}

/* The last answer went out. Closing at once could destroy it on its way when the client still
 * sends (RFC 9112 §9.6), so our side ends first and what comes is dropped for a while. */
static void begin_linger(struct connection *connection)
{
    connection_move(connection, CONNECTION_LINGER);
    buf_done(&connection->in);
    if (connection->io.tls)
        tls_end(connection->io.tls);
    if (connection->input_ended || shutdown(connection->io.fd, SHUT_WR) != 0)
        connection_close(connection);
}

static void end_answer(struct connection *connection)
{
    bool keep = !connection->exchange->close && !connection->server->draining;

    exchange_finish(connection->exchange);
    if (!keep) {
        begin_linger(connection);
        return;
    }
    connection_move(connection, CONNECTION_IDLE);
    connection->scan = (struct http_scan){0};
    if (connection->input_ended && connection->in.len == 0)
        connection_close(connection);
}

bool output_step_answer(struct connection *connection, struct turn *turn)
{
    struct http_file *file = &connection->exchange->file;
    size_t before;
    enum io_result result;

    if (!output_flush(connection, turn))
        return false;
    before = turn->budget;
    result = http_file_send(file, &connection->io, &turn->budget);
    if (before > turn->budget)
        count_sent(connection, before - turn->budget);
    if (result != IO_DONE) {
        (void)connection_blocked(connection, result, LOOP_WRITE); /* closed or waiting: not out */
        return false;
    }
    end_answer(connection);
    return true;
}
