/*
 * Answers: the head is put together with a short body in the server's buffer and goes out with one
 * system call. After it the exchange belongs to the connection until everything was sent.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "server/http/internal.h"

static const char json_type[] = "application/json";
static const char problem_type[] = "application/problem+json";

void http_answer_header(struct http_request *req, const char *name, const char *value)
{
    struct exchange *exchange = exchange_of(req);
    struct buf *extra = &exchange->extra;
    size_t from;

    buf_add_text(extra, name);
    buf_add_text(extra, ": ");
    from = extra->len;
    buf_add_text(extra, value);
    /* A value may come from outside: it must not begin another header. */
    for (size_t i = from; i < extra->len; i++) {
        if (extra->data[i] < 0x20 || extra->data[i] == 0x7f)
            extra->data[i] = ' ';
    }
    buf_add_text(extra, "\r\n");
    if (text_equal(name, "Cache-Control"))
        exchange->has_cache_control = true;
}

static void refresh_date(struct http_server *server)
{
    int64_t now_ms = clock_now_ms();

    if (server->date[0] && server->date_s == now_ms / 1000)
        return;
    server->date_s = now_ms / 1000;
    http_date_format(now_ms, server->date);
}

/* 204 and 304 have no body and say nothing about its length (RFC 9110 §8.6). */
static bool status_has_body(int status)
{
    return status != 204 && status != 304;
}

void answer_add_head(struct exchange *exchange, int status, const char *content_type, uint64_t len)
{
    struct http_server *server = exchange->server;
    struct buf *out = &server->answer;

    refresh_date(server);
    buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n", status,
               http_status_text(status), server->date, exchange->req.id);
    if (len == HTTP_LENGTH_UNKNOWN)
        buf_add_text(out, exchange->head.minor ? "Transfer-Encoding: chunked\r\n" : "");
    else if (status_has_body(status))
        buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)len);
    if (content_type)
        buf_printf(out, "Content-Type: %s\r\n", content_type);
    if (!exchange->has_cache_control)
        buf_add_text(out, "Cache-Control: no-store\r\n");
    if (exchange->close)
        buf_add_text(out, "Connection: close\r\n");
    buf_add(out, exchange->extra.data, exchange->extra.len);
    buf_add_text(out, "\r\n");
}

/* Marks the request answered. False when the client is gone: nothing is to be sent. */
static bool begin(struct exchange *exchange)
{
    ASSERT(!exchange->answered && !exchange->streaming);
    exchange->answered = true;
    latency_note(exchange);
    exchange->req.on_gone = NULL;
    if (!exchange->connection) {
        exchange_finish(exchange);
        return false;
    }
    /* What is unread of the body cannot be told from the next request. */
    if (!http_body_ended(&exchange->body) || exchange->server->draining)
        exchange->close = true;
    buf_reset(&exchange->server->answer);
    return true;
}

/* Sends what was put together, and then the file. */
static void finish(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct buf *out = &exchange->server->answer;

    ASSERT(!out->failed); /* answers are of our making: one that is too long is our mistake */
    connection_write(connection, out->data, out->len, exchange->file.left > 0);
    if (out->room > HTTP_READ_BODY_BYTES)
        buf_done(out); /* one long answer does not keep its memory for ever */
    connection_answered(connection);
}

void http_answer(struct http_request *req, int status, const char *content_type, const void *body,
                 size_t len)
{
    struct exchange *exchange = exchange_of(req);
    const struct http_answer answer = {status, content_type, body, len};
    http_capture_fn *capture = exchange->capture;

    if (capture) {
        exchange->capture = NULL;
        req->on_gone = NULL; /* the handler has said its last word */
        capture(req, &answer, exchange->capture_arg);
        return;
    }
    if (!begin(exchange))
        return;
    answer_add_head(exchange, status, content_type, len);
    if (req->method != HTTP_HEAD && status_has_body(status))
        buf_add(&exchange->server->answer, body, len);
    finish(exchange);
}

void http_capture(struct http_request *req, http_capture_fn *fn, void *arg)
{
    struct exchange *exchange = exchange_of(req);

    exchange->capture = fn;
    exchange->capture_arg = arg;
}

void http_answer_json(struct http_request *req, int status, const char *json)
{
    http_answer(req, status, json_type, json, strlen(json));
}

static void answer_problem(struct http_request *req, const struct problem *problem,
                           const char *detail, enum refusal refusal)
{
    struct buf text;

    buf_init(&text, PROBLEM_TEXT_MAX);
    problem_format(problem, detail, refusal, &text);
    if (text.failed) { /* a very long detail: without it */
        buf_reset(&text);
        problem_format(problem, NULL, refusal, &text);
    }
    http_answer(req, problem->status, problem_type, text.data, text.len);
    buf_done(&text);
}

void http_answer_problem(struct http_request *req, int status, const char *type, const char *title,
                         const char *detail)
{
    const struct problem problem = {.status = status, .type = type, .title = title};

    answer_problem(req, &problem, detail, REFUSAL_NONE);
}

/* What the client is told. What broke here is for the log: PostgreSQL's own words name files,
 * addresses and users. A lost connection is logged by its pool, a statement that failed is not. */
static const char *public_detail(const struct http_request *req, int status, const struct err *err)
{
    const char *path = req->route ? req->route->path : "";

    if (status == 500) {
        LOG_ERROR("http.failed", "request=%s path=%s error=\"%s\"", req->id, path, err->text);
        return "the server's log has the reason under this request's id";
    }
    if (status != 503 || !text_starts_with(err->text, "database"))
        return err->text;
    if (text_starts_with(err->text, "database ("))
        LOG_WARNING("http.unavailable", "request=%s path=%s error=\"%s\"", req->id, path,
                    err->text);
    return "the database cannot answer now";
}

/* Does somebody want to hear of it first? Then the answer is theirs. */
static bool tell_not_found(struct http_request *req, const struct err *err)
{
    struct exchange *exchange = exchange_of(req);
    const struct http_app *app;

    if (!exchange->connection) /* the client is gone, the server perhaps as well */
        return false;
    app = exchange->server->app;
    if (err->code != ERR_NOT_FOUND || !app->on_not_found || exchange->told_not_found ||
        !req->route || req->route->access != ACCESS_OPERATOR)
        return false;
    exchange->told_not_found = true;
    req->on_gone = NULL; /* the handler has said its last word */
    app->on_not_found(req, err, app->app);
    return true;
}

void http_answer_error(struct http_request *req, const struct err *err)
{
    const struct problem *problem = problem_of_code(err->code);
    char seconds[16];

    if (tell_not_found(req, err))
        return;

    if (problem->status == 503) {
        (void)snprintf(seconds, sizeof(seconds), "%u",
                       HTTP_RETRY_AFTER_S_MIN +
                           crypto_random_below(HTTP_RETRY_AFTER_S_SPREAD + 1)); /* always fits */
        http_answer_header(req, "Retry-After", seconds);
    }
    answer_problem(req, problem, public_detail(req, problem->status, err), err->refusal);
}

void http_answer_file(struct http_request *req, int fd, uint64_t size, const char *etag,
                      const char *content_type, const char *cache_control)
{
    struct exchange *exchange = exchange_of(req);
    struct http_file_plan plan = http_file_plan(&exchange->head, size, etag);
    char text[128];

    exchange->file.fd = fd; /* closed with the exchange, whatever happens */
    (void)snprintf(text, sizeof(text), "\"%s\"", etag);
    http_answer_header(req, "ETag", text);
    http_answer_header(req, "Accept-Ranges", "bytes");
    http_answer_header(req, "Cache-Control", cache_control);
    if (plan.status == 416) {
        (void)snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
        http_answer_header(req, "Content-Range", text);
        answer_problem(req, problem_of_status(416), "the range begins behind the file's end",
                       REFUSAL_NONE);
        return;
    }
    if (plan.status == 206) {
        (void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)plan.first,
                       (unsigned long long)(plan.first + plan.length - 1),
                       (unsigned long long)size);
        http_answer_header(req, "Content-Range", text);
    }
    if (!begin(exchange))
        return;
    answer_add_head(exchange, plan.status, content_type, plan.length);
    if (req->method != HTTP_HEAD && plan.status != 304) {
        exchange->file.offset = plan.first;
        exchange->file.left = plan.length;
    }
    finish(exchange);
}
