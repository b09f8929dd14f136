#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/auth/tokens.h"
#include "server/stream/feed.h"
#include "server/stream/hub.h"
#include "tests/support/api.h"

enum { TURNS_MAX = 20000, IN_MAX = 64 << 20 };

struct ear {
    struct api *api;
    int fd;
    struct buf in;
    bool ended;
};

static void say(struct api *api, const char *tenant, const char *event, int number)
{
    AUTO_FREE char *sql = mem_printf("SELECT slipway_notice(id, '%s', '{\"n\":%d}') FROM tenant"
                                     " WHERE name = '%s'",
                                     event, number, tenant);

    fixture_sql(&api->fixture, sql);
    stream_feed_wake(api->feed);
}

static void on_tick(void *arg)
{
    loop_timer_set(*(struct loop_timer **)arg, 5);
}

static void turns(struct ear *ear, int count)
{
    struct loop_timer *tick = loop_timer_new(ear->api->worker.loop, on_tick, &tick);

    loop_timer_set(tick, 5);
    for (int i = 0; i < count; i++) {
        uint8_t *room = buf_reserve(&ear->in, 65536);
        ssize_t len = recv(ear->fd, room, 65536, MSG_DONTWAIT);

        if (len > 0) {
            ear->in.len += (size_t)len;
            room[len] = '\0';
        } else if (len == 0) {
            ear->ended = true;
        }
        loop_turn(ear->api->worker.loop);
    }
    loop_timer_free(tick);
}

static struct ear listen_in(struct api *api, const char *token, const char *headers)
{
    struct ear ear = {.api = api, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)api->port),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    AUTO_FREE char *request =
        mem_printf("GET /api/v1/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n%s\r\n",
                   token, headers);

    buf_init(&ear.in, IN_MAX);
    cr_assert_eq(connect(ear.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(send(ear.fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return ear;
}

static void close_ear(struct ear *ear)
{
    (void)close(ear->fd);
    buf_done(&ear->in);
}

static bool hears(struct ear *ear, const char *text)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        if (strstr(buf_text(&ear->in), text))
            return true;
        turns(ear, 1);
    }
    return false;
}

static bool has_heard(const struct ear *ear, const char *text)
{
    return strstr(buf_text(&ear->in), text) != NULL;
}

Test(stream, tells_live_what_happens_in_ones_own_tenant)
{
    struct api *api = api_open();
    struct ear ear = listen_in(api, "default-reader", "");

    cr_assert(hears(&ear, "retry: 2000\n"));
    cr_expect(has_heard(&ear, "Content-Type: text/event-stream\r\n"));
    turns(&ear, 10);
    say(api, "other", "deployment.paused", 1);
    say(api, "default", "deployment.halted", 2);
    cr_assert(hears(&ear, "\"n\": 2"), "%s", buf_text(&ear.in));
    cr_expect(has_heard(&ear, "event: deployment.halted\ndata: {"));
    cr_expect(has_heard(&ear, "id: 2\n"));
    cr_expect_not(has_heard(&ear, "\"n\": 1"), "another tenant's");
    close_ear(&ear);
    api_close(api);
}

Test(stream, goes_on_after_the_last_event_that_was_heard)
{
    static const char *const places[] = {"Last-Event-ID: 2\r\n"};
    struct api *api = api_open();

    for (int i = 1; i <= 4; i++)
        say(api, "default", "issue.new", i);
    for (size_t i = 0; i < COUNT(places); i++) {
        struct ear ear = listen_in(api, "default-reader", places[i]);

        cr_assert(hears(&ear, "\"n\": 4"));
        cr_expect(has_heard(&ear, "\"n\": 3"));
        cr_expect_not(has_heard(&ear, "\"n\": 2"));
        cr_expect_not(has_heard(&ear, "stream.gap"));
        say(api, "default", "issue.new", 5 + (int)i);
        cr_assert(hears(&ear, "\"n\": 5"), "and then it is live");
        close_ear(&ear);
    }
    api_close(api);
}

Test(stream, comes_in_pages_when_much_was_missed_without_a_gap_or_a_repeat)
{
    enum { MANY = 700 };
    struct api *api = api_open();
    struct ear ear;
    const char *at;
    int expected = 1;

    fixture_sql(&api->fixture,
                "SELECT slipway_notice(t.id, 'issue.new', jsonb_build_object('n', n))"
                "  FROM generate_series(1, 700) AS n, tenant t WHERE t.name = 'default'");
    ear = listen_in(api, "default-reader", "Last-Event-ID: 0\r\n");
    stream_feed_wake(api->feed);
    cr_assert(hears(&ear, "\"n\": 700}"));
    at = buf_text(&ear.in);
    while ((at = strstr(at, "\"n\": "))) {
        cr_assert_eq(strtol(at + 5, NULL, 10), expected);
        expected++;
        at++;
    }
    cr_expect_eq(expected, MANY + 1);
    close_ear(&ear);
    api_close(api);
}

/* Only the tenant's newest are kept, and the feed learns it at its next start. */
Test(stream, says_that_something_was_forgotten)
{
    struct api *api = api_open();
    struct stream_feed *feed = stream_feed_new();
    struct stream_hub *hub;
    struct stream_hub *old = api->worker.stream;
    struct ear ear;

    for (int i = 1; i <= 3; i++)
        say(api, "default", "issue.new", i);
    ear = listen_in(api, "default-reader", "");
    while (stream_feed_newest(api->feed) < 3)
        turns(&ear, 1);
    close_ear(&ear);
    fixture_sql(&api->fixture, "DELETE FROM notice WHERE seq < 3");
    hub = stream_hub_new(feed, api->worker.loop, api->worker.db, api->worker.tokens);
    stream_feed_start(feed, api->worker.loop, api->worker.db);
    api->worker.stream = hub;
    while (!stream_feed_ready(feed))
        loop_turn(api->worker.loop);
    ear = listen_in(api, "default-reader", "Last-Event-ID: 1\r\n");
    cr_expect(hears(&ear, "\"n\": 3"));
    cr_expect(has_heard(&ear, "event: stream.gap\n"));
    close_ear(&ear);
    ear = listen_in(api, "default-reader", "Last-Event-ID: 2\r\n");
    cr_expect(hears(&ear, "\"n\": 3"));
    cr_expect_not(has_heard(&ear, "event: stream.gap\n"), "nothing is missing after 2");
    close_ear(&ear);
    stream_feed_stop(feed);
    stream_hub_stop(hub);
    api->worker.stream = old;
    api_close(api);
    stream_hub_free(hub);
    stream_feed_free(feed);
}

Test(stream, refuses_a_wrong_place_and_who_may_not_read)
{
    static const struct {
        const char *token;
        const char *headers;
        int status;
    } cases[] = {
        {"default-reader", "Last-Event-ID: x\r\n", 400},
        {"default-reader", "Last-Event-ID: -1\r\n", 400},
        {"default-reader", "Last-Event-ID: 99999999999999999999\r\n", 400},
        {"nobody", "", 401},
        {"expired", "", 401},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_send(api, &(struct api_request){.method = "GET",
                                                                 .path = "/api/v1/stream",
                                                                 .token = cases[i].token,
                                                                 .headers = cases[i].headers});

        cr_expect_eq(answer.status, cases[i].status, "%s %s", cases[i].token, cases[i].headers);
    }
    {
        AUTO_ANSWER head = api_send(api, &(struct api_request){.method = "HEAD",
                                                               .path = "/api/v1/stream",
                                                               .token = "default-reader"});

        cr_expect_eq(head.status, 200);
    }
    api_close(api);
}

Test(stream, forgets_a_listener_that_left)
{
    struct api *api = api_open();
    struct ear ear = listen_in(api, "default-reader", "");
    struct ear other;

    cr_assert(hears(&ear, "retry"));
    cr_expect_eq(stream_feed_listeners(api->feed), 1);
    (void)close(ear.fd);
    other = listen_in(api, "default-reader", "");
    cr_assert(hears(&other, "retry"));
    for (int i = 0; i < TURNS_MAX && stream_feed_listeners(api->feed) > 1; i++)
        turns(&other, 1);
    cr_expect_eq(stream_feed_listeners(api->feed), 1);
    buf_done(&ear.in);
    close_ear(&other);
    api_close(api);
}

Test(stream, is_ended_in_words_when_the_server_stops)
{
    struct api *api = api_open();
    struct ear ear = listen_in(api, "default-reader", "");

    cr_assert(hears(&ear, "retry"));
    stream_hub_stop(api->worker.stream);
    cr_expect(hears(&ear, "event: stream.end\ndata: {\"reason\":\"the server stops\"}\n\n"));
    for (int i = 0; i < TURNS_MAX && !ear.ended; i++)
        turns(&ear, 1);
    cr_expect(ear.ended);
    close_ear(&ear);
    api_close(api);
}

/* Numbers are given when notices are read, in the order of their commits. */
Test(stream, never_passes_over_a_notice_that_was_committed_late)
{
    struct api *api = api_open();
    struct ear ear = listen_in(api, "default-reader", "");

    cr_assert(hears(&ear, "retry"));
    turns(&ear, 10);
    /* The lower id of the two becomes visible after the higher one was told. */
    fixture_sql(&api->fixture,
                "INSERT INTO notice (id, tenant_id, event, object) OVERRIDING SYSTEM VALUE"
                " SELECT 100, id, 'issue.new', '{\"n\":100}' FROM tenant WHERE name = 'default'");
    stream_feed_wake(api->feed);
    cr_assert(hears(&ear, "\"n\": 100"));
    fixture_sql(&api->fixture,
                "INSERT INTO notice (id, tenant_id, event, object) OVERRIDING SYSTEM VALUE"
                " SELECT 50, id, 'issue.new', '{\"n\":50}' FROM tenant WHERE name = 'default'");
    stream_feed_wake(api->feed);
    cr_expect(hears(&ear, "\"n\": 50"));
    close_ear(&ear);
    api_close(api);
}
