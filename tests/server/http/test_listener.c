#include <criterion/criterion.h>

#include "tests/support/front.h"

#define HOST "Host: a\r\n"

static void on_drained(void *arg)
{
    struct front *front = arg;

    front->drained = true;
}

static struct front *front_with(int kept, struct peer *clients[])
{
    struct front *front = front_open(NULL);

    for (int i = 0; i < kept; i++) {
        clients[i] = peer_open(front);
        cr_assert_eq(peer_ask(clients[i], "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
    }
    return front;
}

Test(listener, draining_closes_idle_connections_and_lets_requests_end)
{
    struct peer *clients[2];
    struct front *front = front_with(2, clients);
    struct reply reply;

    peer_say(clients[0], "GET /later HTTP/1.1\r\n" HOST "\r\n");
    while (!front->waiting)
        front_turn(front);
    http_server_drain(front->server, 3600000, on_drained, front);
    cr_expect(peer_sees_end(clients[1]), "the idle one is closed");
    cr_expect_not(front->drained);
    http_answer(front->waiting, 200, "text/plain", "ok", 2);
    cr_assert(peer_reply(clients[0], true, &reply));
    cr_expect(reply_has(&reply, "Connection: close"));
    cr_expect(peer_sees_end(clients[0]));
    peer_close(clients[0]);
    while (!front->drained)
        front_turn(front);

    reply_done(&reply);
    peer_close(clients[1]);
    front_close(front);
}

Test(listener, draining_without_connections_is_done_at_once)
{
    struct front *front = front_open(NULL);

    http_server_drain(front->server, 3600000, on_drained, front);
    cr_expect_not(front->drained, "never from inside the call");
    while (!front->drained)
        front_turn(front);
    front_close(front);
}

Test(listener, draining_ends_when_its_time_is_over)
{
    struct peer *clients[1];
    struct front *front = front_with(1, clients);

    peer_say(clients[0], "GET /later HTTP/1.1\r\n" HOST "\r\n");
    while (!front->waiting)
        front_turn(front);
    http_server_drain(front->server, 1, on_drained, front);
    while (!front->drained)
        front_turn(front);
    http_answer(front->waiting, 200, "text/plain", "ok", 2);
    peer_close(clients[0]);
    front_close(front);
}

Test(listener, several_workers_share_a_port)
{
    struct front *front = front_open(NULL);
    const struct http_options options = {.address = "127.0.0.1",
                                         .port = http_server_port(front->server)};
    struct http_server *second;
    struct err err = {0};

    cr_assert(http_server_open(front->loop, &options, &front->app, &second, &err), "%s", err.text);
    cr_expect_eq(http_server_port(second), http_server_port(front->server));
    http_server_close(second);
    http_server_close(NULL);
    front_close(front);
}

Test(listener, says_why_it_cannot_listen)
{
    struct front *front = front_open(NULL);
    static const struct {
        const char *address;
        enum err_code code;
    } cases[] = {
        {"localhost", ERR_INVALID}, /* names are not looked up */
        {"", ERR_INVALID},
        {"203.0.113.1", ERR_SYSTEM}, /* not ours */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct http_options options = {.address = cases[i].address};
        struct http_server *server;
        struct err err = {0};

        cr_expect_not(http_server_open(front->loop, &options, &front->app, &server, &err));
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].address, err.text);
    }
    front_close(front);
}
