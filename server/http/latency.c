/* Routes are counted by their place in the tables: found by the address of the route, which is in
 * one of a few arrays. Only the loop's thread counts and reads. */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/http/internal.h"

const int64_t http_latency_bounds_us[HTTP_LATENCY_BUCKETS - 1] = {
    500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 2500000,
};

struct http_latency *latency_new(const struct http_app *app)
{
    size_t count = 0;

    for (size_t t = 0; app->route_tables[t]; t++)
        count += app->route_counts[t];
    return mem_array(count ? count : 1, sizeof(struct http_latency));
}

static struct http_latency *latency_of(const struct http_server *server,
                                       const struct http_route *route)
{
    struct http_latency *first = server->latencies;

    for (size_t t = 0; server->app->route_tables[t]; t++) {
        const struct http_route *table = server->app->route_tables[t];

        if (route >= table && route < table + server->app->route_counts[t])
            return &first[route - table];
        first += server->app->route_counts[t];
    }
    return NULL;
}

void latency_note(const struct exchange *exchange)
{
    int64_t took_us = clock_mono_us() - exchange->began_mono_us;
    struct http_latency *latency;
    size_t at = 0;

    if (!exchange->server || !exchange->req.route)
        return;
    latency = latency_of(exchange->server, exchange->req.route);
    if (!latency)
        return;
    while (at < HTTP_LATENCY_BUCKETS - 1 && took_us > http_latency_bounds_us[at])
        at++;
    latency->buckets[at]++;
    latency->sum_us += (uint64_t)took_us;
}

void http_server_latencies(const struct http_server *server, http_latency_fn *fn, void *arg)
{
    const struct http_latency *latency = server->latencies;

    for (size_t t = 0; server->app->route_tables[t]; t++) {
        for (size_t i = 0; i < server->app->route_counts[t]; i++, latency++) {
            uint64_t count = 0;

            for (size_t b = 0; b < HTTP_LATENCY_BUCKETS; b++)
                count += latency->buckets[b];
            if (count)
                fn(&server->app->route_tables[t][i], latency, arg);
        }
    }
}
