#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "server/limits.h"
#include "tests/support/front.h"

#define FEED "GET /feed HTTP/1.1\r\nHost: a\r\n\r\n"

static void turns(struct front *front, int count)
{
    for (int i = 0; i < count; i++) {
        loop_post(front->loop, mem_free, NULL); /* so that the turn does not wait */
        front_turn(front);
    }
}

static struct peer *listen_in(struct front *front, const char *request)
{
    struct peer *client = peer_open(front);

    peer_say(client, request);
    while (!front->waiting)
        front_turn(front);
    return client;
}

static void write_text(struct front *front, const char *text)
{
    cr_assert(http_answer_stream_write(front->waiting, text, strlen(text)), "'%s'", text);
}

/* Reads until `end` was received; its length with all before it. */
static size_t read_until(struct peer *client, const char *end)
{
    char piece[4096];

    while (!client->in.len || !strstr(buf_text(&client->in), end)) {
        ssize_t n = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT);

        if (n > 0)
            buf_add(&client->in, piece, (size_t)n);
        else if (n == 0)
            return 0;
        else
            turns(client->front, 1);
    }
    return client->in.len;
}

Test(http_stream, pieces_arrive_as_they_are_written_and_the_end_is_told)
{
    struct front *front = front_open(NULL);
    struct peer *client = listen_in(front, FEED);
    struct reply reply;

    cr_assert(peer_reply(client, true, &reply));
    cr_expect_eq(reply.status, 200);
    cr_expect(reply_has(&reply, "Transfer-Encoding: chunked"));
    cr_expect(reply_has(&reply, "Cache-Control: no-store"));
    cr_expect_null(strstr(reply.head, "Content-Length"));
    write_text(front, "one\n");
    cr_expect_gt(read_until(client, "4\r\none\n\r\n"), 0);
    write_text(front, "");
    write_text(front, "two\n");
    cr_expect_gt(read_until(client, "\r\n4\r\ntwo\n\r\n"), 0, "an empty piece is not an end");
    http_answer_stream_end(front->waiting, "bye", 3);
    cr_expect_gt(read_until(client, "3\r\nbye\r\n0\r\n\r\n"), 0);
    cr_expect(peer_sees_end(client) || client->in.len > 0);
    cr_expect_eq(front->gone, 0);
    reply_done(&reply);
    peer_close(client);
    front_close(front);
}

Test(http_stream, a_client_of_http_1_0_gets_bare_pieces_until_the_close)
{
    struct front *front = front_open(NULL);
    struct peer *client = listen_in(front, "GET /feed HTTP/1.0\r\nHost: a\r\n\r\n");

    write_text(front, "one\n");
    http_answer_stream_end(front->waiting, NULL, 0);
    cr_expect_gt(read_until(client, "\r\n\r\none\n"), 0);
    cr_expect_null(strstr(buf_text(&client->in), "chunked"));
    peer_close(client);
    front_close(front);
}

Test(http_stream, the_handler_is_told_once_that_the_client_left_and_ends_when_it_likes)
{
    static void (*const leave[])(struct peer *) = {peer_close, peer_abort};

    for (size_t i = 0; i < COUNT(leave); i++) {
        struct front *front = front_open(NULL);
        struct peer *client = listen_in(front, FEED);

        write_text(front, "one\n");
        turns(front, 3);
        leave[i](client);
        while (!front->gone)
            front_turn(front);
        turns(front, 3);
        cr_expect_not(http_answer_stream_write(front->waiting, "two", 3), "nobody is there");
        cr_expect_str_eq(front->waiting->path, "/feed", "its memory is still there");
        http_answer_stream_end(front->waiting, "bye", 3);
        turns(front, 3);
        cr_expect_eq(front->gone, 1);
        front_close(front);
    }
}

Test(http_stream, a_slow_reader_is_refused_more_and_gets_all_that_was_taken)
{
    enum { PIECE = 32 << 10 };
    struct front *front = front_open(NULL);
    struct peer *client = listen_in(front, "GET /feed HTTP/1.0\r\nHost: a\r\n\r\n");
    char *piece = mem_alloc(PIECE);
    size_t taken = 0;
    size_t head;

    memset(piece, 'x', PIECE);
    while (http_answer_stream_write(front->waiting, piece, PIECE)) {
        taken += PIECE;
        turns(front, 2); /* the kernel takes some */
        cr_assert_lt(taken, 256U << 20, "there is no limit");
    }
    cr_expect_geq(taken, HTTP_STREAM_BYTES_MAX);
    front->rooms = 0;
    head = read_until(client, "\r\n\r\n");
    while (front->rooms == 0) /* takes until nothing waits on our side */
        (void)!recv(client->fd, piece, PIECE, MSG_DONTWAIT), turns(front, 1);
    cr_expect_gt(head, 0);
    cr_expect(http_answer_stream_write(front->waiting, "z", 1), "there is room again");
    http_answer_stream_end(front->waiting, "over", 4);
    peer_close(client);
    mem_free(piece);
    front_close(front);
}

Test(http_stream, the_last_words_fit_behind_a_full_queue)
{
    enum { PIECE = 64 << 10 };
    struct front *front = front_open(NULL);
    struct peer *client = listen_in(front, "GET /feed HTTP/1.0\r\nHost: a\r\n\r\n");
    char *piece = mem_alloc(PIECE);
    char last[HTTP_STREAM_LAST_BYTES_MAX];
    size_t taken = 0;
    size_t total = 0;
    ssize_t n = 0;

    memset(piece, 'x', PIECE);
    memset(last, 'y', sizeof(last));
    while (http_answer_stream_write(front->waiting, piece, PIECE)) {
        taken += PIECE;
        turns(front, 2);
    }
    http_answer_stream_end(front->waiting, last, sizeof(last));
    while ((n = recv(client->fd, piece, PIECE, MSG_DONTWAIT)) != 0) {
        total += n > 0 ? (size_t)n : 0;
        if (n < 0)
            turns(front, 1);
    }
    cr_expect_gt(total, taken + sizeof(last), "the head, every piece, and the last words");
    cr_expect_lt(total, taken + sizeof(last) + 1024);
    peer_close(client);
    mem_free(piece);
    front_close(front);
}

static void on_drained(void *arg)
{
    *(bool *)arg = true;
}

Test(http_stream, a_server_that_stops_ends_its_streams_and_begins_no_more)
{
    struct front *front = front_open(NULL);
    struct peer *client = listen_in(front, FEED);
    struct peer *late = peer_open(front);
    struct reply reply;
    bool drained = false;

    front->end_when_gone = true;
    peer_say(late, "GET /feed HTTP/1.1\r\nHost"); /* begun before the stop */
    turns(front, 3);
    http_server_drain(front->server, 60000, on_drained, &drained);
    cr_expect_gt(read_until(client, "4\r\nover\r\n0\r\n\r\n"), 0);
    cr_expect_eq(front->gone, 1);
    peer_say(late, ": a\r\n\r\n");
    cr_assert(peer_reply(late, true, &reply));
    cr_expect_eq(reply.status, 503);
    reply_done(&reply);
    peer_close(late);
    peer_close(client);
    while (!drained)
        front_turn(front);
    front_close(front);
}
