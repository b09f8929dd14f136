#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/front.h"

#define HOST "Host: a\r\n"

Test(answer, heads_have_what_every_answer_has)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;

    peer_say(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect_eq(strncmp(reply.head, "HTTP/1.1 200 OK\r\n", 17), 0);
    cr_expect(reply_has(&reply, "Content-Length: 5"));
    cr_expect(reply_has(&reply, "Content-Type: text/plain"));
    cr_expect(reply_has(&reply, "Cache-Control: no-store"));
    cr_expect_not_null(strstr(reply.head, "\r\nX-Request-Id: "));
    cr_expect_not_null(strstr(reply.head, " GMT\r\n"));
    cr_expect_not(reply_has(&reply, "Connection: close"));
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}

Test(answer, to_head_has_no_body_and_the_length_of_get)
{
    static const struct {
        const char *text;
        const char *line;
    } cases[] = {
        {"HEAD /hello HTTP/1.1\r\n" HOST "\r\n", "Content-Length: 5"},
        {"HEAD /file HTTP/1.1\r\n" HOST "\r\n", "Content-Length: 3145728"},
        {"HEAD /none HTTP/1.1\r\n" HOST "\r\n", "Content-Type: application/problem+json"},
    };
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply;

        peer_say(client, cases[i].text);
        cr_assert(peer_reply(client, false, &reply));
        cr_expect(reply_has(&reply, cases[i].line), "%s", reply.head);
        cr_expect_eq(client->in.len, 0);
        reply_done(&reply);
    }
    cr_expect_eq(peer_ask(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200);
    peer_close(client);
    front_close(front);
}

Test(answer, without_content_has_no_length_and_no_smuggled_headers)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;

    peer_say(client, "DELETE /nothing HTTP/1.1\r\n" HOST "\r\n");
    cr_assert(peer_reply(client, true, &reply));
    cr_expect_eq(reply.status, 204);
    cr_expect_null(strstr(reply.head, "Content-Length"));
    cr_expect(reply_has(&reply, "X-Test: a  X-Evil: b"));
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}

Test(answer, errors_are_problems)
{
    static const struct {
        enum err_code code;
        int status;
        const char *part;
    } cases[] = {
        {ERR_INVALID, 400, "\"detail\":\"because of 'x'\""},
        {ERR_NOT_FOUND, 404, "urn:slipway:problem:not-found"},
        {ERR_CONFLICT, 409, "because of 'x'"},
        {ERR_DENIED, 403, "because of 'x'"},
        {ERR_LIMIT, 422, "because of 'x'"},
        {ERR_UNTRUSTED, 422, "because of 'x'"},
        {ERR_UNAVAILABLE, 503, "because of 'x'"},
        {ERR_SYSTEM, 500, "the server's log"},
    };
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply;
        char text[100];

        (void)snprintf(text, sizeof(text), "GET /error?code=%d HTTP/1.1\r\n" HOST "\r\n",
                       (int)cases[i].code);
        peer_say(client, text);
        cr_assert(peer_reply(client, true, &reply));
        cr_expect_eq(reply.status, cases[i].status, "%d", reply.status);
        cr_expect(reply_has(&reply, "Content-Type: application/problem+json"));
        cr_expect_not_null(strstr(buf_text(&reply.body), cases[i].part), "%s",
                           buf_text(&reply.body));
        cr_expect_eq(strstr(reply.head, "Retry-After: ") != NULL, cases[i].status == 503);
        reply_done(&reply);
    }
    peer_close(client);
    front_close(front);
}

Test(answer, what_the_database_said_of_an_outage_is_for_the_log)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct reply reply;
    char text[160];

    (void)snprintf(text, sizeof(text),
                   "GET /error?code=%d&text=database%%20(53100):%%20no%%20room%%20for%%20'base/1'"
                   " HTTP/1.1\r\n" HOST "\r\n",
                   (int)ERR_UNAVAILABLE);
    peer_say(client, text);
    cr_assert(peer_reply(client, true, &reply));
    cr_expect_eq(reply.status, 503);
    cr_expect_not_null(strstr(buf_text(&reply.body), "the database cannot answer now"), "%s",
                       buf_text(&reply.body));
    cr_expect_null(strstr(buf_text(&reply.body), "base/1"), "%s", buf_text(&reply.body));
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}

Test(answer, files_are_sent_whole_in_part_or_not_at_all)
{
    static const struct {
        const char *headers;
        int status;
        size_t first;
        size_t len;
        const char *line;
    } cases[] = {
        {"", 200, 0, FRONT_FILE_BYTES, "Accept-Ranges: bytes"},
        {"Range: bytes=1-3000000\r\n", 206, 1, 3000000, "Content-Range: bytes 1-3000000/3145728"},
        {"Range: bytes=3145727-\r\n", 206, 3145727, 1,
         "Content-Range: bytes 3145727-3145727/3145728"},
        {"Range: bytes=-5\r\nIf-Range: \"tag\"\r\n", 206, 3145723, 5, "ETag: \"tag\""},
        {"Range: bytes=-5\r\nIf-Range: \"old\"\r\n", 200, 0, FRONT_FILE_BYTES, "ETag: \"tag\""},
        {"Range: bytes=0-1,4-5\r\n", 200, 0, FRONT_FILE_BYTES, "Cache-Control: public, immutable"},
        {"If-None-Match: \"tag\"\r\n", 304, 0, 0, "ETag: \"tag\""},
    };
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_stats before;
        struct http_stats after;
        struct reply reply;

        http_server_stats(front->server, &before);
        peer_say(client, "GET /file HTTP/1.1\r\n" HOST);
        peer_say(client, cases[i].headers);
        peer_say(client, "\r\n");
        cr_assert(peer_reply(client, true, &reply), "%zu", i);
        cr_expect_eq(reply.status, cases[i].status, "%zu", i);
        cr_expect_eq(reply.body.len, cases[i].len, "%zu", i);
        cr_expect_eq(memcmp(buf_text(&reply.body), front->file + cases[i].first, cases[i].len), 0,
                     "%zu", i);
        cr_expect(reply_has(&reply, cases[i].line), "%s", reply.head);
        http_server_stats(front->server, &after);
        cr_expect_eq(after.bytes_sent - before.bytes_sent, strlen(reply.head) + 2 + reply.body.len,
                     "every byte of head and body is counted, %zu", i);
        reply_done(&reply);
    }
    cr_expect_eq(peer_ask(client, "GET /file HTTP/1.1\r\n" HOST "Range: bytes=3145728-\r\n\r\n"),
                 416);
    cr_expect_eq(peer_ask(client, "GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200, "kept");
    peer_close(client);
    front_close(front);
}

Test(answer, a_client_may_leave_in_the_middle_of_a_file)
{
    struct front *front = front_open(NULL);
    struct peer *client = peer_open(front);
    struct http_stats stats;

    peer_say(client, "GET /file HTTP/1.1\r\n" HOST "\r\n");
    do {
        front_turn(front);
    } while (!front->handled);
    peer_abort(client);
    do {
        front_turn(front);
        http_server_stats(front->server, &stats);
    } while (stats.open);
    cr_expect_lt(stats.bytes_sent, FRONT_FILE_BYTES);
    front_close(front);
}
