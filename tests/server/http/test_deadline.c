/* The front's own clock is real; a test makes a client late by moving its beginning back. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "server/http/internal.h"
#include "tests/support/front.h"

#define HOST "Host: a\r\n"

/* The front's only connection. */
static struct connection *only(struct front *front)
{
    ASSERT(!list_is_empty(&front->server->connections));
    return LIST_OF(front->server->connections.next, struct connection, link);
}

static void wait_for(struct front *front, enum connection_state state)
{
    while (list_is_empty(&front->server->connections) || only(front)->state != state)
        front_turn(front);
}

Test(deadline, a_late_client_is_told_or_just_dropped)
{
    static const struct {
        const char *what;
        const char *text;
        enum connection_state state;
        int64_t late_ms;
        int status; /* -1: no answer */
        int gone;
    } cases[] = {
        {"silent", "", CONNECTION_IDLE, HTTP_IDLE_MS_MAX, -1, 0},
        {"half a head", "GET /hello HT", CONNECTION_HEAD, HTTP_HEAD_MS_MAX, 408, 0},
        {"half a body", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab",
         CONNECTION_BODY, HTTP_BODY_GRACE_MS + 1000, 408, 0},
        {"half a streamed body",
         "PUT /stream HTTP/1.1\r\n" HOST
         "Authorization: Bearer good\r\nContent-Length: 9\r\n\r\nab",
         CONNECTION_BODY, HTTP_BODY_GRACE_MS + 1000, 408, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct front *front = front_open(NULL);
        struct peer *client = peer_open(front);

        peer_say(client, cases[i].text);
        wait_for(front, cases[i].state);
        only(front)->since_mono_ms -= cases[i].late_ms + 1;
        cr_expect_eq(peer_ask(client, ""), cases[i].status, "%s", cases[i].what);
        cr_expect(peer_sees_end(client), "%s", cases[i].what);
        cr_expect_eq(front->gone, cases[i].gone, "%s", cases[i].what);
        if (cases[i].gone)
            http_answer(front->waiting, 200, "text/plain", "", 0); /* goes nowhere */
        peer_close(client);
        front_close(front);
    }
}

Test(deadline, a_client_that_takes_nothing_of_its_file_is_dropped)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    peer_say(client, "GET /file HTTP/1.1\r\n" HOST "\r\nGET /file HTTP/1.1\r\n" HOST "\r\n"
                     "GET /file HTTP/1.1\r\n" HOST "\r\n");
    wait_for(front, CONNECTION_ANSWER);
    while (!list_is_empty(&front->server->connections)) {
        only(front)->since_mono_ms -= HTTP_STALL_MS_MAX + 1; /* again, when bytes went meanwhile */
        front_turn(front);
    }
    peer_close(client);
    front_close(front);
}

Test(deadline, a_client_that_does_not_close_after_the_last_answer_is_closed)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    peer_say(client, "GET /hello HTTP/1.0\r\n\r\n");
    wait_for(front, CONNECTION_LINGER);
    only(front)->since_mono_ms -= HTTP_LINGER_MS_MAX + 1;
    while (!list_is_empty(&front->server->connections))
        front_turn(front);
    peer_close(client);
    front_close(front);
}

Test(deadline, without_descriptors_accepting_pauses_and_goes_on)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct rlimit old;
    struct rlimit none;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)client->fd + 1, .rlim_max = old.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    peer_say(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    while (front->server->accepting)
        front_turn(front);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_expect_eq(peer_ask(client, ""), 200, "the kernel's queue kept it");
    peer_close(client);
    front_close(front);
}
