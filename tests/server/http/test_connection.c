#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "server/limits.h"
#include "tests/support/front.h"

#define HOST "Host: a\r\n"

static bool body_is(const struct reply *reply, const char *text)
{
    return reply->body.len == strlen(text) &&
           memcmp(buf_text(&reply->body), text, strlen(text)) == 0;
}

/* Takes turns until the front has so few open connections. */
static void wait_for_open(struct front *front, uint64_t open)
{
    struct http_stats stats;

    do {
        front_turn(front);
        http_server_stats(front->server, &stats);
    } while (stats.open != open);
}

Test(connection, is_kept_for_the_next_request)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct http_stats stats;

    for (int i = 0; i < 3; i++)
        cr_expect_eq(peer_ask(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
    cr_expect_eq(peer_ask(client, "GET /none HTTP/1.1\r\n" HOST "\r\n"), 404);
    cr_expect_eq(peer_ask(client, "DELETE /nothing HTTP/1.1\r\n" HOST "\r\n"), 204);
    http_server_stats(front->server, &stats);
    cr_expect_eq(stats.connections, 1);
    cr_expect_eq(stats.requests, 5);
    cr_expect_eq(stats.refused, 1);

    peer_close(client);
    wait_for_open(front, 0);
    front_close(front);
}

Test(connection, closes_when_the_client_asks_or_speaks_an_older_version)
{
    static const char *const cases[] = {
        "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        "GET /hello HTTP/1.0\r\n\r\n",
        "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    };
    struct front *front = front_open(NULL);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer *client = peer_open(front);
        struct reply reply;

        peer_say(client, cases[i]);
        cr_assert(peer_reply(client, true, &reply));
        cr_expect_eq(reply.status, 200, "%zu", i);
        cr_expect(reply_has(&reply, "Connection: close"), "%zu", i);
        cr_expect(peer_sees_end(client), "%zu", i);
        reply_done(&reply);
        peer_close(client);
    }
    front_close(front);
}

Test(connection, pipelined_requests_are_answered_in_their_order)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;

    peer_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none"
                     "GET /later HTTP/1.1\r\n" HOST "\r\n"
                     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                     "5\r\nthree\r\n0\r\n\r\n"
                     "GET /items/4/four HTTP/1.1\r\n" HOST "\r\n");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect(body_is(&reply, "one"));
    reply_done(&reply);
    while (!front->waiting)
        front_turn(front);
    cr_expect_eq(front->handled, 2, "nothing is begun behind a request that waits");
    http_answer(front->waiting, 200, "text/plain", "two", 3);
    cr_expect_eq(front->handled, 2, "nor inside the answer to it");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect(body_is(&reply, "two"));
    reply_done(&reply);
    cr_assert(peer_reply(client, true, &reply));
    cr_expect(body_is(&reply, "three"));
    reply_done(&reply);
    cr_assert(peer_reply(client, true, &reply));
    cr_expect(body_is(&reply, "4|four|(none)"));
    reply_done(&reply);

    peer_close(client);
    front_close(front);
}

Test(connection, answers_all_that_came_before_the_client_ended_its_side)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    peer_say(client, "GET /hello HTTP/1.1\r\n" HOST "\r\nGET /later HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_eq(shutdown(client->fd, SHUT_WR), 0);
    cr_expect_eq(peer_ask(client, ""), 200);
    while (!front->waiting)
        front_turn(front);
    for (int i = 0; i < 3; i++)
        loop_post(front->loop, mem_free, NULL), front_turn(front);
    cr_expect_eq(front->gone, 0, "it still reads");
    http_answer(front->waiting, 202, "text/plain", "", 0);
    cr_expect_eq(peer_ask(client, ""), 202);
    cr_expect(peer_sees_end(client));

    peer_close(client);
    front_close(front);
}

Test(connection, a_request_may_come_in_any_two_pieces_or_byte_by_byte)
{
    static const char text[] = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: r\r\n\r\n";
    size_t len = sizeof(text) - 1;
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    for (size_t cut = 0; cut <= len; cut++) {
        struct reply reply;

        if (cut == len) {
            for (size_t i = 0; i < len; i++) {
                peer_send(client, text + i, 1);
                loop_post(front->loop, mem_free, NULL); /* a turn that need not wait */
                front_turn(front);
            }
        } else {
            peer_send(client, text, cut);
            loop_post(front->loop, mem_free, NULL);
            front_turn(front);
            peer_send(client, text + cut, len - cut);
        }
        cr_assert(peer_reply(client, true, &reply), "cut at %zu", cut);
        cr_expect_eq(reply.status, 200, "cut at %zu", cut);
        cr_expect(body_is(&reply, "abcdefg"), "cut at %zu", cut);
        reply_done(&reply);
    }
    peer_close(client);
    front_close(front);
}

Test(connection, closes_after_what_it_cannot_understand)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "GET /hello HTTP/1.1\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
        {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {400, "\x16\x03\x01"},
        {400, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"},
        {413, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3e9\r\n"},
        {413, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n"},
        {413, "GET /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {417, "POST /echo HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n"},
        {501, "BREW /hello HTTP/1.1\r\n" HOST "\r\n"},
        {404, "POST /none HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"},
    };
    struct front *front = front_open(NULL);
    struct http_stats stats;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer *client = peer_open(front);
        struct reply reply;

        peer_say(client, cases[i].text);
        cr_assert(peer_reply(client, true, &reply), "%zu", i);
        cr_expect_eq(reply.status, cases[i].status, "%zu: %d", i, reply.status);
        cr_expect(reply_has(&reply, "Connection: close"), "%zu", i);
        cr_expect(reply_has(&reply, "Content-Type: application/problem+json"), "%zu", i);
        cr_expect_not_null(strstr(reply.head, "X-Request-Id: "), "%zu", i);
        cr_expect(peer_sees_end(client), "%zu", i);
        reply_done(&reply);
        peer_close(client);
    }
    cr_expect_eq(front->handled, 0);
    http_server_stats(front->server, &stats);
    cr_expect_eq(stats.refused, COUNT(cases));
    front_close(front);
}

Test(connection, too_long_heads_are_refused_while_they_come)
{
    static const struct {
        int status;
        const char *start;
    } cases[] = {{414, "GET /"}, {431, "GET /hello HTTP/1.1\r\nA: "}};
    struct front *front = front_open(NULL);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer *client = peer_open(front);
        char text[2 * HTTP_HEAD_BYTES_MAX];

        memset(text, 'a', sizeof(text));
        peer_say(client, cases[i].start);
        peer_send(client, text, sizeof(text));
        cr_expect_eq(peer_ask(client, ""), cases[i].status);
        cr_expect(peer_sees_end(client));
        peer_close(client);
    }
    front_close(front);
}

Test(connection, a_client_that_leaves_is_noticed_in_every_state)
{
    static const char *const cases[] = {
        "",
        "GET /hel",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab",
        "GET /hello HTTP/1.1\r\n" HOST "\r\n",
    };
    struct front *front = front_open(NULL);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer *client = peer_open(front);

        peer_say(client, cases[i]);
        wait_for_open(front, 1);
        peer_close(client);
        wait_for_open(front, 0);
    }
    front_close(front);
}
