#include "lib/client/pool.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/scripted.h"

struct seen {
    struct client_pool *pool;
    const struct client_request *again;
    unsigned done;
    unsigned failed;
    unsigned bodies;
};

static void on_done(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct seen *seen = arg;

    seen->done++;
    seen->failed += err != NULL;
    if (answer && strcmp(buf_text(&answer->body), "hello") == 0)
        seen->bodies++;
    if (seen->again) {
        const struct client_request *request = seen->again;

        seen->again = NULL;
        client_pool_send(seen->pool, request, on_done, seen);
    }
}

static struct client_pool *pool_at(const char *origin, unsigned connections_max)
{
    const struct client_options options = {.origin = origin, .user_agent = "test/1"};
    struct client_pool *pool = NULL;
    struct err err = {0};

    cr_assert(client_pool_open(&options, connections_max, &pool, &err), "%s", err.text);
    return pool;
}

static void run(struct client_pool *pool)
{
    struct err err = {0};

    while (client_pool_pending(pool) > 0)
        cr_assert(client_pool_turn(pool, 1000, &err), "%s", err.text);
}

#define HELLO                                                                                      \
    {                                                                                              \
        .text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"           \
    }

Test(client_pool, does_more_requests_than_it_has_connections)
{
    static const struct scripted_answer script[] = {HELLO, HELLO, HELLO, HELLO, HELLO, HELLO};
    struct scripted *server = scripted_start(script, COUNT(script));
    struct seen seen = {.pool = pool_at(scripted_origin(server), 2)};
    char url[] = "/x";
    const struct client_request request = {.method = "GET", .url = url};

    seen.again = &request;
    for (size_t i = 0; i + 1 < COUNT(script); i++)
        client_pool_send(seen.pool, &request, on_done, &seen);
    memset(url, '?', 2); /* the pool has its own copy */
    cr_expect_eq(seen.done, 0, "nothing happens inside client_pool_send()");
    url[0] = '/';
    run(seen.pool);

    cr_expect_eq(seen.done, 6);
    cr_expect_eq(seen.bodies, 6);
    (void)scripted_stop(server);
    client_pool_close(seen.pool);
}

Test(client_pool, reports_each_failure_to_its_own_callback)
{
    static const struct scripted_answer script[] = {HELLO, {.close_silently = true}};
    struct scripted *server = scripted_start(script, COUNT(script));
    struct seen seen = {.pool = pool_at(scripted_origin(server), 1)};
    const struct client_request good = {.method = "GET", .url = "/x"};
    const struct client_request bad = {.method = "GET", .url = "gopher://127.0.0.1/"};

    client_pool_send(seen.pool, &good, on_done, &seen);
    client_pool_send(seen.pool, &bad, on_done, &seen);
    client_pool_send(seen.pool, &good, on_done, &seen);
    run(seen.pool);

    cr_expect_eq(seen.done, 3);
    cr_expect_eq(seen.failed, 2);
    (void)scripted_stop(server);
    client_pool_close(seen.pool);
}

Test(client_pool, closes_with_requests_running_and_waiting)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 200 OK\r\n", .hold_open = true}};
    struct scripted *server = scripted_start(script, COUNT(script));
    struct seen seen = {.pool = pool_at(scripted_origin(server), 1)};
    const struct client_request request = {.method = "GET", .url = "/x"};
    struct err err = {0};

    client_pool_send(seen.pool, &request, on_done, &seen);
    client_pool_send(seen.pool, &request, on_done, &seen);
    cr_assert(client_pool_turn(seen.pool, 10, &err));
    client_pool_close(seen.pool);

    cr_expect_eq(seen.done, 0);
    (void)scripted_stop(server);
}
