/* Waiting is taking turns: a sweep of the front wakes the loop every second at the latest, so a
 * test that waits in vain fails after TURNS_MAX silent seconds, and never by the machine's speed.
 */
#include "tests/support/front.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { TURNS_MAX = 100000, STREAM_MAX = 64 << 20 };

static struct front *front_of(void *app)
{
    return app;
}

static void on_hello(struct http_request *req, void *app)
{
    front_of(app)->handled++;
    http_answer(req, 200, "text/plain", "hello", 5);
}

static void on_item(struct http_request *req, void *app)
{
    const char *x = http_query(req, "x");
    const char *text =
        arena_printf(req->arena, "%s|%s|%s", req->params[0], req->params[1], x ? x : "(none)");

    front_of(app)->handled++;
    http_answer(req, 200, "text/plain", text, strlen(text));
}

static void on_echo(struct http_request *req, void *app)
{
    front_of(app)->handled++;
    http_answer(req, 200, "text/plain", req->body, req->body_len);
}

static void on_piece(struct http_request *req, const void *data, size_t len, bool last, void *arg)
{
    struct front *front = arg;
    char *text;

    (void)data;
    front->pieces++;
    front->streamed += len;
    front->last_seen = last;
    if (front->answer_early) {
        http_answer_problem(req, 409, "urn:test", "too late", NULL);
        return;
    }
    if (front->begin_paused && front->pieces == 1)
        http_stream_pause(req, true);
    if (!last)
        return;
    text = arena_printf(req->arena, "%llu bytes", (unsigned long long)front->streamed);
    http_answer(req, 201, "text/plain", text, strlen(text));
}

static void on_gone(void *arg)
{
    front_of(arg)->gone++;
}

static void on_stream(struct http_request *req, void *app)
{
    struct front *front = app;

    front->handled++;
    req->on_gone = on_gone;
    req->gone_arg = front;
    front->waiting = req;
    if (!front->begin_unread)
        http_stream_body(req, on_piece, front);
}

void front_read_stream(struct front *front)
{
    http_stream_body(front->waiting, on_piece, front);
}

static void on_later(struct http_request *req, void *app)
{
    struct front *front = app;

    front->handled++;
    front->waiting = req;
    req->on_gone = on_gone;
    req->gone_arg = front;
}

static void on_room(void *arg)
{
    front_of(arg)->rooms++;
}

static void on_feed_gone(void *arg)
{
    struct front *front = arg;

    front->gone++;
    if (front->end_when_gone)
        http_answer_stream_end(front->waiting, "over", 4);
}

static void on_feed(struct http_request *req, void *app)
{
    struct front *front = app;

    front->handled++;
    req->on_gone = on_feed_gone;
    req->gone_arg = front;
    if (http_answer_stream_begin(req, "text/plain", on_room))
        front->waiting = req;
}

static void on_file(struct http_request *req, void *app)
{
    struct front *front = app;

    front->handled++;
    http_answer_file(req, dup(front->file_fd), FRONT_FILE_BYTES, "tag", "application/octet-stream",
                     "public, immutable");
}

static void on_error(struct http_request *req, void *app)
{
    const char *code = http_query(req, "code");
    const char *text = http_query(req, "text");
    struct err err = {0};

    front_of(app)->handled++;
    (void)err_set(&err, (enum err_code)strtol(code, NULL, 10), "%s",
                  text ? text : "because of 'x'");
    http_answer_error(req, &err);
}

static void on_nothing(struct http_request *req, void *app)
{
    front_of(app)->handled++;
    http_answer_header(req, "X-Test", "a\r\nX-Evil: b");
    http_answer(req, 204, NULL, NULL, 0);
}

/* clang-format off */
static const struct http_route routes[] = {
    {"GET",    "/hello",            ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_hello,   ""},
    {"GET",    "/items/:id/:path*", ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_item,    ""},
    {"POST",   "/echo",             ACCESS_PUBLIC,   ACTION_NONE, 1000,       false, on_echo,    ""},
    {"POST",   "/secure",           ACCESS_DEVICE,   ACTION_NONE, 1000,       false, on_echo,    ""},
    {"PUT",    "/stream",           ACCESS_OPERATOR, ACTION_NONE, STREAM_MAX, true,  on_stream,  ""},
    {"GET",    "/later",            ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_later,   ""},
    {"GET",    "/feed",             ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_feed,    ""},
    {"GET",    "/file",             ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_file,    ""},
    {"GET",    "/error",            ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_error,   ""},
    {"DELETE", "/nothing",          ACCESS_PUBLIC,   ACTION_NONE, 0,          false, on_nothing, ""},
};
/* clang-format on */
static const struct http_route *const tables[] = {routes, NULL};
static const size_t counts[] = {COUNT(routes)};

static bool authenticate(struct http_request *req, const char *token, void *app, struct err *err)
{
    front_of(app)->authenticated++;
    if (!token)
        return err_set(err, ERR_DENIED, "a token is needed");
    if (text_equal(token, "down"))
        return err_set(err, ERR_UNAVAILABLE, "nobody knows now");
    if (text_equal(token, "weak")) {
        req->identity.subject_id = 8;
        return err_set(err, ERR_DENIED, "not for you");
    }
    if (!text_equal(token, "good"))
        return err_set(err, ERR_DENIED, "nobody has this token");
    req->identity.subject_id = 7;
    return true;
}

static void make_file(struct front *front)
{
    front->file_fd = memfd_create("front", MFD_CLOEXEC);
    cr_assert(front->file_fd >= 0);
    front->file = mem_alloc(FRONT_FILE_BYTES);
    for (size_t i = 0; i < FRONT_FILE_BYTES; i++)
        front->file[i] = (uint8_t)(i * 2654435761U >> 13);
    cr_assert_eq(write(front->file_fd, front->file, FRONT_FILE_BYTES), FRONT_FILE_BYTES);
}

struct front *front_open(struct tls_context *tls)
{
    struct front *front = mem_alloc(sizeof(*front));
    const struct http_options options = {.address = "127.0.0.1", .tls = tls, .worker = 3};
    struct err err = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    make_file(front);
    front->app = (struct http_app){
        .route_tables = tables, .route_counts = counts, .app = front, .authenticate = authenticate};
    cr_assert(loop_open(&front->loop, &err), "%s", err.text);
    cr_assert(http_server_open(front->loop, &options, &front->app, &front->server, &err), "%s",
              err.text);
    return front;
}

void front_close(struct front *front)
{
    http_server_close(front->server);
    loop_close(front->loop);
    (void)close(front->file_fd);
    mem_free(front->file);
    mem_free(front);
}

void front_turn(struct front *front)
{
    loop_turn(front->loop);
}

struct peer *peer_open(struct front *front)
{
    struct peer *client = mem_alloc(sizeof(*client));
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)http_server_port(front->server)),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };

    client->front = front;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
    buf_init(&client->in, 64 << 20);
    return client;
}

void peer_close(struct peer *client)
{
    (void)close(client->fd);
    buf_done(&client->in);
    mem_free(client);
}

void peer_abort(struct peer *client)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    cr_assert_eq(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    peer_close(client);
}

void peer_send(struct peer *client, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (int turns = 0; len && turns < TURNS_MAX; turns++) {
        ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);

        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            front_turn(client->front);
        } else {
            return; /* the server closed: its answer says why */
        }
    }
}

void peer_say(struct peer *client, const char *text)
{
    peer_send(client, text, strlen(text));
}

/* Reads what is there; takes turns until something is. False at the end. */
static bool receive(struct peer *client)
{
    for (int turns = 0; turns < TURNS_MAX && !client->ended; turns++) {
        uint8_t *room = buf_reserve(&client->in, 65536);
        ssize_t n;

        cr_assert_not_null(room);
        n = recv(client->fd, room, 65536, 0);
        if (n > 0) {
            client->in.len += (size_t)n;
            room[n] = '\0';
            return true;
        }
        if (n == 0 || errno != EAGAIN)
            client->ended = true;
        else
            front_turn(client->front);
    }
    return false;
}

bool peer_reply(struct peer *client, bool has_body, struct reply *out)
{
    char *end;
    const char *length;
    size_t body = 0;

    *out = (struct reply){0};
    while (!(end = client->in.len ? strstr((char *)client->in.data, "\r\n\r\n") : NULL)) {
        if (!receive(client))
            return false;
    }
    out->head = mem_strndup((char *)client->in.data, (size_t)(end - (char *)client->in.data) + 2);
    buf_consume(&client->in, (size_t)(end - (char *)client->in.data) + 4);
    cr_assert_eq(strncmp(out->head, "HTTP/1.1 ", 9), 0, "%s", out->head);
    out->status = (int)strtol(out->head + 9, NULL, 10);
    length = strstr(out->head, "\r\nContent-Length: ");
    if (has_body && length)
        body = strtoul(length + 18, NULL, 10);
    buf_init(&out->body, 64 << 20);
    while (client->in.len < body) {
        if (!receive(client))
            return false;
    }
    buf_add(&out->body, client->in.data, body);
    buf_consume(&client->in, body);
    return true;
}

void reply_done(struct reply *reply)
{
    mem_free(reply->head);
    buf_done(&reply->body);
}

bool reply_has(const struct reply *reply, const char *line)
{
    const char *at = strstr(reply->head, line);

    return at && at > reply->head && at[-1] == '\n' && at[strlen(line)] == '\r';
}

int peer_ask(struct peer *client, const char *text)
{
    struct reply reply;
    int status = -1;

    peer_say(client, text);
    if (peer_reply(client, strncmp(text, "HEAD", 4) != 0, &reply))
        status = reply.status;
    reply_done(&reply);
    return status;
}

bool peer_sees_end(struct peer *client)
{
    return client->in.len == 0 && !receive(client) && client->ended;
}
