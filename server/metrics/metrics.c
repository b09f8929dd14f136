/* A row per worker, its values atomic one by one: a sum may mix two seconds, never two halves of
 * a number. */
#include "server/metrics/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "lib/base/mem.h"

struct row {
    _Atomic uint64_t values[METRIC_COUNT];
};

struct metrics {
    unsigned workers;
    struct row rows[];
};

/* clang-format off */
static const struct {
    const char *name;
    const char *type;
    const char *help;
} table[] = {
    [METRIC_CONNECTIONS]   = {"slipway_http_connections_total",       "counter", "Connections accepted."},
    [METRIC_OPEN]          = {"slipway_http_connections_open",        "gauge",   "Connections open now."},
    [METRIC_REQUESTS]      = {"slipway_http_requests_total",          "counter", "Requests, refused ones included."},
    [METRIC_REFUSED]       = {"slipway_http_refused_total",           "counter", "Requests refused by the front itself."},
    [METRIC_BYTES_SENT]    = {"slipway_http_sent_bytes_total",        "counter", "Bytes sent."},
    [METRIC_DB_STATEMENTS] = {"slipway_database_statements_total",    "counter", "Statements sent to PostgreSQL."},
    [METRIC_DB_FAILED]     = {"slipway_database_failed_total",        "counter", "Transactions that failed."},
    [METRIC_DB_CONNECTS]   = {"slipway_database_connects_total",      "counter", "Connections made to PostgreSQL."},
    [METRIC_DB_WAITING]    = {"slipway_database_waiting",             "gauge",   "Transactions without a connection."},
    [METRIC_DB_IN_FLIGHT]  = {"slipway_database_in_flight",           "gauge",   "Transactions under way."},
};
/* clang-format on */
_Static_assert(COUNT(table) == METRIC_COUNT, "every metric has its row");

struct metrics *metrics_new(unsigned workers)
{
    struct metrics *metrics = mem_alloc(sizeof(*metrics) + workers * sizeof(struct row));

    metrics->workers = workers;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    mem_free(metrics);
}

void metrics_publish(struct metrics *metrics, unsigned worker, const uint64_t values[METRIC_COUNT])
{
    ASSERT(worker < metrics->workers);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        atomic_store_explicit(&metrics->rows[worker].values[i], values[i], memory_order_relaxed);
}

static uint64_t sum(struct metrics *metrics, size_t metric)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < metrics->workers; i++)
        total += atomic_load_explicit(&metrics->rows[i].values[metric], memory_order_relaxed);
    return total;
}

void metrics_print(struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", table[i].name,
                   table[i].help, table[i].name, table[i].type, table[i].name, sum(metrics, i));
}
