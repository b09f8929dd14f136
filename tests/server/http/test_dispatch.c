#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/front.h"

#define HOST "Host: a\r\n"

Test(dispatch, asks_for_a_credential_before_anything_of_the_body)
{
    static const struct {
        const char *what;
        const char *head;
        int status;
        int authenticated;
    } cases[] = {
        {"none", "POST /secure HTTP/1.1\r\n" HOST, 401, 1},
        {"an unknown one", "POST /secure HTTP/1.1\r\n" HOST "Authorization: Bearer x\r\n", 401, 1},
        {"a known one without the right",
         "POST /secure HTTP/1.1\r\n" HOST "Authorization: Bearer weak\r\n", 403, 1},
        {"another scheme", "POST /secure HTTP/1.1\r\n" HOST "Authorization: Basic good\r\n", 401,
         1},
        {"no token", "POST /secure HTTP/1.1\r\n" HOST "Authorization: Bearer\r\n", 401, 1},
        {"two tokens", "POST /secure HTTP/1.1\r\n" HOST "Authorization: Bearer good good\r\n", 401,
         1},
        {"nobody to ask", "POST /secure HTTP/1.1\r\n" HOST "Authorization: Bearer down\r\n", 503,
         1},
        {"a good one", "POST /secure HTTP/1.1\r\n" HOST "Authorization: bearer good\r\n", 100, 1},
        {"a good one and a body too long",
         "POST /secure HTTP/1.1\r\n" HOST "Authorization: Bearer good\r\nX: 1\r\n", 413, 1},
        {"a public route", "POST /echo HTTP/1.1\r\n" HOST, 100, 0},
        {"no such route", "POST /none HTTP/1.1\r\n" HOST, 404, 0},
        {"no such method", "PUT /secure HTTP/1.1\r\n" HOST, 405, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct front *front = front_open(NULL);
        struct peer *client = peer_open(front);
        struct reply reply;

        peer_say(client, cases[i].head);
        peer_say(client,
                 cases[i].status == 413 ? "Content-Length: 1001\r\n" : "Content-Length: 4\r\n");
        peer_say(client, "Expect: 100-continue\r\n\r\n");
        cr_assert(peer_reply(client, true, &reply), "%s", cases[i].what);
        cr_expect_eq(reply.status, cases[i].status, "%s: %d", cases[i].what, reply.status);
        cr_expect_eq(front->authenticated, cases[i].authenticated, "%s", cases[i].what);
        cr_expect_eq(front->handled, 0, "%s", cases[i].what);
        if (cases[i].status == 401)
            cr_expect(reply_has(&reply, "WWW-Authenticate: Bearer"), "%s", cases[i].what);
        if (cases[i].status == 405)
            cr_expect(reply_has(&reply, "Allow: POST"), "%s", cases[i].what);
        if (cases[i].status == 503)
            cr_expect_not_null(strstr(reply.head, "Retry-After: "), "%s", cases[i].what);
        if (cases[i].status == 100) {
            cr_expect_eq(peer_ask(client, "body"), 200, "%s", cases[i].what);
            cr_expect_eq(front->authenticated, cases[i].authenticated, "%s", cases[i].what);
        } else {
            cr_expect(peer_sees_end(client), "%s", cases[i].what);
        }
        reply_done(&reply);
        peer_close(client);
        front_close(front);
    }
}

Test(dispatch, a_refused_request_with_a_short_body_keeps_the_connection)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    cr_expect_eq(peer_ask(client, "POST /secure HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nGET "),
                 401);
    cr_expect_eq(peer_ask(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
    peer_close(client);
    front_close(front);
}

Test(dispatch, gives_parameters_and_queries_decoded)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;

    peer_say(client, "GET /items/a%20b/c/d%25?x=1%2B1 HTTP/1.1\r\n" HOST "\r\n");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect_str_eq(buf_text(&reply.body), "a b|c/d%|1+1");
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}
