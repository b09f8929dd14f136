/*
 * The order of questions is the front's security: is it HTTP, is there such a route, who is it,
 * may it, is the body not too long; only then is a byte of the body read or asked for.
 */
#include <string.h>
#include <strings.h>

#include "server/http/internal.h"
#include "server/http/route.h"

static void count_refused(struct connection *connection)
{
    server_count(&connection->server->refused, 1);
}

void dispatch_refuse(struct connection *connection, const struct http_refusal *refusal)
{
    const struct problem *problem = problem_of_status(refusal->status);
    struct exchange *exchange = connection->exchange;

    /* An exchange whose handler runs is not ours to answer: the handler is told. */
    if (exchange && exchange->handed) {
        exchange_detach(exchange);
        exchange = NULL;
    }
    if (!exchange)
        exchange = exchange_new(connection);
    exchange->close = true;
    count_refused(connection);
    http_answer_problem(&exchange->req, refusal->status, problem->type, problem->title,
                        refusal->detail);
}

/* A refused request whose short body came with it is skipped, so that the connection can stay. */
static void skip_body(struct exchange *exchange, struct bytes *rest)
{
    if (exchange->head.chunked || exchange->head.content_length > bytes_left(rest)) {
        exchange->close = true;
        return;
    }
    (void)bytes_take(rest, (size_t)exchange->head.content_length);
    exchange->body.state = BODY_DONE;
}

static void refuse_status(struct exchange *exchange, struct bytes *rest, int status,
                          const char *detail)
{
    const struct problem *problem = problem_of_status(status);

    skip_body(exchange, rest);
    count_refused(exchange->connection);
    http_answer_problem(&exchange->req, status, problem->type, problem->title, detail);
}

/* The token of "Authorization: Bearer TOKEN", or NULL. */
static const char *bearer_token(const struct http_head *head)
{
    static const char scheme[] = "Bearer ";
    const char *value = http_head_header(head, "authorization");

    if (!value || strncasecmp(value, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    value += sizeof(scheme) - 1;
    return *value == '\0' || strchr(value, ' ') ? NULL : value;
}

static bool authenticate(struct exchange *exchange, struct bytes *rest)
{
    const struct http_app *app = exchange->server->app;
    struct http_request *req = &exchange->req;
    struct err err = {0};

    if (req->route->access == ACCESS_PUBLIC ||
        app->authenticate(req, bearer_token(&exchange->head), app->app, &err))
        return true;
    if (err.code == ERR_DENIED && req->identity.subject_id == 0) {
        http_answer_header(req, "WWW-Authenticate", "Bearer");
        refuse_status(exchange, rest, 401, err.text);
        return false;
    }
    skip_body(exchange, rest);
    count_refused(exchange->connection);
    http_answer_error(req, &err);
    return false;
}

static bool find_route(struct exchange *exchange, struct bytes *rest)
{
    struct http_request *req = &exchange->req;
    struct http_match match;

    switch (http_route_find(exchange->server->app, req->method, req->path, req->arena, &match)) {
    case HTTP_MATCH_FOUND:
        break;
    case HTTP_MATCH_NO_PATH:
        refuse_status(exchange, rest, 404, "there is nothing at this path");
        return false;
    case HTTP_MATCH_NO_METHOD:
        http_answer_header(req, "Allow", match.allow);
        refuse_status(exchange, rest, 405, "the method is not for this path");
        return false;
    }
    req->route = match.route;
    memcpy(req->params, match.params, sizeof(req->params));
    return true;
}

static bool check_body(struct exchange *exchange, struct bytes *rest)
{
    uint64_t max = exchange->req.route->body_max;

    if (exchange->head.content_length > max || (exchange->head.chunked && max == 0)) {
        refuse_status(exchange, rest, 413, "the body is too long");
        return false;
    }
    http_body_start(&exchange->body, &exchange->head, max);
    exchange->continue_due = exchange->head.expects_continue && !http_body_ended(&exchange->body);
    return true;
}

void http_proceed(struct http_request *req)
{
    struct exchange *exchange = exchange_of(req);

    if (exchange->server) {
        req->route->handler(req, exchange->server->app->app);
    } else { /* closed meanwhile: nobody hears the answer */
        exchange->capture = NULL;
        http_answer(req, 503, NULL, NULL, 0);
    }
}

void dispatch_handler(struct exchange *exchange)
{
    const struct http_app *app = exchange->server->app;

    exchange->handed = true;
    if (!app->before || app->before(&exchange->req, app->app))
        http_proceed(&exchange->req);
}

static void call_handler(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    const struct http_route *route = exchange->req.route;

    if (!route->streamed && !http_body_ended(&exchange->body)) {
        buf_init(&exchange->whole, (size_t)route->body_max);
        connection_move(connection, CONNECTION_BODY); /* the handler runs at the body's end */
        return;
    }
    exchange->req.body = (const uint8_t *)"";
    connection_move(connection, route->streamed ? CONNECTION_BODY : CONNECTION_WAIT);
    dispatch_handler(exchange);
    if (connection->state == CONNECTION_BODY)
        exchange_hold_changed(exchange);
}

void dispatch(struct connection *connection, const char *head, size_t len, struct bytes *rest)
{
    struct exchange *exchange = exchange_new(connection);
    struct http_request *req = &exchange->req;
    struct http_refusal refusal;

    server_count(&connection->server->requests, 1);
    if (!http_head_parse(head, len, req->arena, &exchange->head, &refusal)) {
        dispatch_refuse(connection, &refusal);
        return;
    }
    req->method = exchange->head.method;
    req->path = exchange->head.path;
    req->query = exchange->head.query;
    req->content_length = exchange->head.content_length;
    exchange->close = !exchange->head.keep_alive;
    /* Until it is accepted, an unread body is in the way of the next request. */
    http_body_start(&exchange->body, &exchange->head, UINT64_MAX);
    if (find_route(exchange, rest) && authenticate(exchange, rest) && check_body(exchange, rest))
        call_handler(exchange);
}
