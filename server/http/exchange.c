/*
 * A request lives in its own arena from its head to the end of the turn in which its answer was
 * sent. The connection may go earlier: then the handler is told once, and its answer goes nowhere.
 */
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/http/url.h"
#include "server/http/internal.h"

struct exchange *exchange_of(struct http_request *req)
{
    return (struct exchange *)(void *)req; /* its first member */
}

struct exchange *exchange_new(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct arena *arena;
    struct exchange *exchange;
    int len;

    arena = server->arena_count ? server->arenas[--server->arena_count] : arena_new();
    exchange = arena_alloc(arena, sizeof(*exchange));
    exchange->req.arena = arena;
    exchange->req.loop = server->loop;
    exchange->req.worker = server->worker;
    exchange->req.path = exchange->req.query = "";
    len = snprintf(exchange->req.id, sizeof(exchange->req.id), "%08x-%x-%llx", server->run_id,
                   (unsigned)server->worker & 0xff,
                   (unsigned long long)(server->next_request++ & 0xfffffffffff));
    ASSERT(len > 0 && (size_t)len < sizeof(exchange->req.id));
    exchange->began_mono_us = clock_mono_us();
    exchange->server = server;
    exchange->connection = connection;
    exchange->file.fd = -1;
    buf_init(&exchange->extra, HTTP_EXTRA_BYTES_MAX);
    list_add(&server->exchanges, &exchange->link);
    connection->exchange = exchange;
    return exchange;
}

/* The arena, for the next request or back to the heap. */
static void exchange_free(void *arg)
{
    struct exchange *exchange = arg;
    struct http_server *server = exchange->server;
    struct arena *arena = exchange->req.arena;

    http_file_close(&exchange->file);
    buf_done(&exchange->extra);
    buf_done(&exchange->whole);
    if (server && server->arena_count < HTTP_ARENAS_KEPT) {
        arena_reset(arena);
        server->arenas[server->arena_count++] = arena;
    } else {
        arena_free(arena);
    }
}

static void free_finished(void *arg)
{
    struct http_server *server = arg;
    struct list *link;

    while ((link = list_pop(&server->finished)))
        exchange_free(LIST_OF(link, struct exchange, link));
}

void exchange_finish(struct exchange *exchange)
{
    struct http_server *server = exchange->server;

    ASSERT(exchange->answered);
    if (exchange->connection)
        exchange->connection->exchange = NULL;
    exchange->connection = NULL;
    list_remove(&exchange->link);
    if (!server) { /* closed meanwhile */
        loop_defer_free(exchange->req.loop, exchange_free, exchange);
        return;
    }
    if (list_is_empty(&server->finished))
        loop_later(server->loop, free_finished, server);
    list_add(&server->finished, &exchange->link);
}

void exchange_detach(struct exchange *exchange)
{
    loop_fn *on_gone = exchange->req.on_gone;

    exchange->connection->exchange = NULL;
    exchange->connection = NULL;
    if (exchange->answered) {
        exchange_finish(exchange);
    } else if (!exchange->handed) { /* no handler knows it */
        exchange->answered = true;
        exchange_finish(exchange);
    } else if (on_gone) {
        exchange->req.on_gone = NULL;
        on_gone(exchange->req.gone_arg);
    }
}

/* --- what handlers read -------------------------------------------------------------------------
 */

const char *http_header(const struct http_request *req, const char *name)
{
    const struct exchange *exchange = (const struct exchange *)(const void *)req;

    return http_head_header(&exchange->head, name);
}

const char *http_query(struct http_request *req, const char *name)
{
    return url_query_value(req->query, name, req->arena);
}

/* --- streamed bodies ----------------------------------------------------------------------------
 */

bool exchange_is_held(const struct exchange *exchange)
{
    return exchange->paused || (exchange->req.route->streamed && !exchange->body_fn);
}

/* The time the handler makes the client wait does not count against the client. */
void exchange_hold_changed(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    bool held = exchange_is_held(exchange);

    if (!connection || held == (exchange->held_since_mono_ms != 0))
        return;
    if (held) {
        exchange->held_since_mono_ms = clock_mono_ms();
    } else {
        connection->since_mono_ms += clock_mono_ms() - exchange->held_since_mono_ms;
        exchange->held_since_mono_ms = 0;
    }
    connection_queue_pump(connection);
}

void http_stream_body(struct http_request *req, http_body_fn *fn, void *arg)
{
    struct exchange *exchange = exchange_of(req);

    ASSERT(req->route->streamed && !exchange->body_fn);
    exchange->body_fn = fn;
    exchange->body_arg = arg;
    exchange_hold_changed(exchange);
}

void http_stream_pause(struct http_request *req, bool pause)
{
    struct exchange *exchange = exchange_of(req);

    exchange->paused = pause;
    exchange_hold_changed(exchange);
}
