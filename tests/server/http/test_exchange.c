#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/limits.h"
#include "tests/support/front.h"

#define HOST "Host: a\r\n"
#define STREAM "PUT /stream HTTP/1.1\r\n" HOST "Authorization: Bearer good\r\n"

enum { LONG_BODY = 5 << 20 };

static bool body_is(const struct reply *reply, const char *text)
{
    return reply->body.len == strlen(text) &&
           memcmp(buf_text(&reply->body), text, strlen(text)) == 0;
}

static void some_turns(struct front *front)
{
    for (int i = 0; i < 5; i++) {
        loop_post(front->loop, mem_free, NULL); /* so that the turn does not wait */
        front_turn(front);
    }
}

Test(exchange, an_answer_may_come_after_the_client_left)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    peer_say(client, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    while (!front->waiting)
        front_turn(front);
    peer_abort(client);
    while (!front->gone)
        front_turn(front);
    some_turns(front);
    cr_expect_str_eq(front->waiting->path, "/later", "its memory is still there");
    http_answer_header(front->waiting, "X-A", "b");
    http_answer_json(front->waiting, 200, "{}");
    some_turns(front);
    cr_expect_eq(front->gone, 1);
    front_close(front);
}

Test(exchange, an_answer_may_come_after_the_server_closed)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct loop *loop = front->loop;
    struct http_request *req;
    struct err err = {0};

    peer_say(client, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    while (!front->waiting)
        front_turn(front);
    req = front->waiting;
    http_server_close(front->server);
    front->server = NULL;
    loop_flush(loop);
    cr_expect_eq(front->gone, 1);
    (void)err_set(&err, ERR_UNAVAILABLE, "too late");
    http_answer_error(req, &err);
    peer_close(client);
    front_close(front);
}

Test(exchange, long_bodies_are_streamed_piece_by_piece)
{
    static const struct {
        const char *framing;
        const char *before;
        const char *after;
    } cases[] = {
        {"Content-Length: 5242880\r\n\r\n", "", ""},
        {"Transfer-Encoding: chunked\r\n\r\n", "500000\r\n", "\r\n0\r\n\r\n"},
    };
    uint8_t *data = mem_alloc(LONG_BODY);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct front *front = front_open(NULL);
        struct peer *client = peer_open(front);
        struct reply reply;

        peer_say(client, STREAM);
        peer_say(client, cases[i].framing);
        peer_say(client, cases[i].before);
        peer_send(client, data, LONG_BODY);
        peer_say(client, cases[i].after);
        cr_assert(peer_reply(client, true, &reply));
        cr_expect_eq(reply.status, 201);
        cr_expect(body_is(&reply, "5242880 bytes"));
        cr_expect_gt(front->pieces, 50);
        cr_expect(front->last_seen);
        cr_expect_eq(peer_ask(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200, "kept");
        reply_done(&reply);
        peer_close(client);
        front_close(front);
    }
    mem_free(data);
}

Test(exchange, an_empty_streamed_body_has_an_end_too)
{
    static const char *const cases[] = {
        STREAM "\r\n",
        STREAM "Content-Length: 0\r\n\r\n",
        STREAM "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct front *front = front_open(NULL);
        struct peer *client = peer_open(front);

        cr_expect_eq(peer_ask(client, cases[i]), 201, "%zu", i);
        cr_expect_eq(front->pieces, 1, "%zu", i);
        cr_expect_eq(peer_ask(client, cases[i]), 201, "%zu", i);
        peer_close(client);
        front_close(front);
    }
}

Test(exchange, a_paused_body_waits_in_the_kernel)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;

    front->begin_paused = true;
    peer_say(client, STREAM "Content-Length: 6\r\n\r\nab");
    while (!front->pieces)
        front_turn(front);
    peer_say(client, "cdef");
    some_turns(front);
    cr_expect_eq(front->pieces, 1);
    http_stream_pause(front->waiting, false);
    cr_expect_eq(front->pieces, 1, "resuming never calls the function itself");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect(body_is(&reply, "6 bytes"));
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}

Test(exchange, a_body_waits_until_the_handler_says_where_it_goes)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;

    front->begin_unread = true;
    peer_say(client, STREAM "Content-Length: 6\r\nExpect: 100-continue\r\n\r\n");
    while (!front->waiting)
        front_turn(front);
    some_turns(front);
    cr_expect_eq(client->in.len, 0, "no 100 before that");
    front_read_stream(front);
    cr_expect_eq(peer_ask(client, ""), 100);
    peer_say(client, "abcdef");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect(body_is(&reply, "6 bytes"));
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}

Test(exchange, an_early_answer_reaches_a_client_that_still_sends)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    uint8_t *data = mem_alloc(LONG_BODY);
    struct reply reply;

    front->answer_early = true;
    peer_say(client, STREAM "Content-Length: 5242880\r\n\r\n");
    peer_send(client, data, 500000);
    cr_assert(peer_reply(client, true, &reply));
    cr_expect_eq(reply.status, 409);
    cr_expect(reply_has(&reply, "Connection: close"));
    cr_expect(peer_sees_end(client));
    cr_expect_eq(front->pieces, 1, "nothing of the body is given after the answer");
    cr_expect_eq(front->gone, 0);
    reply_done(&reply);
    mem_free(data);
    peer_close(client);
    front_close(front);
}

Test(exchange, a_body_cut_short_or_broken_tells_the_handler)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    peer_say(client, STREAM "Content-Length: 6\r\n\r\nab");
    while (!front->pieces)
        front_turn(front);
    peer_close(client);
    while (!front->gone)
        front_turn(front);
    http_answer(front->waiting, 200, "text/plain", "", 0);

    client = peer_open(front);
    cr_expect_eq(peer_ask(client, STREAM "Transfer-Encoding: chunked\r\n\r\n1\r\nabc"), 400);
    cr_expect_eq(front->gone, 2);
    cr_expect(peer_sees_end(client));
    http_answer(front->waiting, 200, "text/plain", "", 0);
    peer_close(client);
    front_close(front);
}
