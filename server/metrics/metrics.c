/* A row per worker, its values atomic one by one: a sum may mix two seconds, never two halves of
 * a number. Statements are a list, because only the database layer knows them. */
#include "server/metrics/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

struct statement {
    const char *name;
    uint64_t *sent; /* by each worker; owned */
};

struct row {
    _Atomic uint64_t values[METRIC_COUNT];
};

/* Of one route, added up over the workers when it is printed. */
struct route {
    const char *method;
    const char *path;
    struct http_latency *latencies; /* by each worker; owned */
};

enum { LEVELS_MAX = 8 };

struct level {
    const char *name;
    uint64_t count;
};

struct metrics {
    unsigned workers;
    pthread_mutex_t lock; /* of the lists */
    struct statement *statements;
    size_t statement_count;
    char *lines[METRICS_FAMILY_COUNT]; /* owned */
    struct route *routes;
    size_t route_count;
    struct level levels[LEVELS_MAX];
    size_t level_count;
    _Atomic uint64_t silent_devices;
    _Atomic uint64_t drift;
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

/* clang-format off */
static const struct {
    const char *name;
    const char *help;
} families[] = {
    [METRICS_DEPLOYMENTS] = {"slipway_deployments",        "Deployments by state."},
    [METRICS_DEVICES]     = {"slipway_devices",            "Devices by group, each in one class."},
    [METRICS_GATES]       = {"slipway_gate",               "What the gates of deployments under way see: the statistic of the test and its bounds."},
    [METRICS_WEBHOOKS]    = {"slipway_webhook_deliveries", "Deliveries that are queued, and those of the last day that were given up."},
};
/* clang-format on */
_Static_assert(COUNT(families) == METRICS_FAMILY_COUNT, "every family has its row");

struct metrics *metrics_new(unsigned workers)
{
    struct metrics *metrics = mem_alloc(sizeof(*metrics) + workers * sizeof(struct row));

    metrics->workers = workers;
    ASSERT(pthread_mutex_init(&metrics->lock, NULL) == 0);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->statement_count; i++)
        mem_free(metrics->statements[i].sent);
    mem_free(metrics->statements);
    for (size_t i = 0; i < metrics->route_count; i++)
        mem_free(metrics->routes[i].latencies);
    mem_free(metrics->routes);
    for (size_t i = 0; i < METRICS_FAMILY_COUNT; i++)
        mem_free(metrics->lines[i]);
    (void)pthread_mutex_destroy(&metrics->lock);
    mem_free(metrics);
}

void metrics_publish(struct metrics *metrics, unsigned worker, const uint64_t values[METRIC_COUNT])
{
    ASSERT(worker < metrics->workers);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        atomic_store_explicit(&metrics->rows[worker].values[i], values[i], memory_order_relaxed);
}

static struct statement *statement_of(struct metrics *metrics, const char *name)
{
    struct statement *fresh;

    for (size_t i = 0; i < metrics->statement_count; i++)
        if (text_equal(metrics->statements[i].name, name))
            return &metrics->statements[i];
    metrics->statements =
        mem_resize(metrics->statements, metrics->statement_count + 1, sizeof(*metrics->statements));
    fresh = &metrics->statements[metrics->statement_count++];
    fresh->name = name;
    fresh->sent = mem_array(metrics->workers, sizeof(*fresh->sent));
    return fresh;
}

void metrics_publish_statement(struct metrics *metrics, unsigned worker, const char *name,
                               uint64_t sent)
{
    ASSERT(worker < metrics->workers);
    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    statement_of(metrics, name)->sent[worker] = sent;
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
}

void metrics_publish_lines(struct metrics *metrics, enum metrics_family family, const char *lines)
{
    char *fresh = mem_strdup(lines);
    char *old;

    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    old = metrics->lines[family];
    metrics->lines[family] = fresh;
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
    mem_free(old);
}

static struct route *route_of(struct metrics *metrics, const char *method, const char *path)
{
    struct route *fresh;

    for (size_t i = 0; i < metrics->route_count; i++)
        if (metrics->routes[i].path == path && metrics->routes[i].method == method)
            return &metrics->routes[i];
    metrics->routes = mem_resize(metrics->routes, metrics->route_count + 1, sizeof(*fresh));
    fresh = &metrics->routes[metrics->route_count++];
    fresh->method = method;
    fresh->path = path;
    fresh->latencies = mem_array(metrics->workers, sizeof(fresh->latencies[0]));
    return fresh;
}

void metrics_publish_route(struct metrics *metrics, unsigned worker, const char *method,
                           const char *path, const struct http_latency *latency)
{
    ASSERT(worker < metrics->workers);
    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    route_of(metrics, method, path)->latencies[worker] = *latency;
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
}

void metrics_publish_expiring(struct metrics *metrics, const char *level, uint64_t count)
{
    size_t at = 0;

    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    while (at < metrics->level_count && !text_equal(metrics->levels[at].name, level))
        at++;
    ASSERT(at < LEVELS_MAX);
    metrics->levels[at] = (struct level){.name = level, .count = count};
    metrics->level_count += at == metrics->level_count;
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
}

void metrics_publish_silent(struct metrics *metrics, uint64_t count)
{
    atomic_store_explicit(&metrics->silent_devices, count, memory_order_relaxed);
}

void metrics_publish_drift(struct metrics *metrics, uint64_t count)
{
    atomic_store_explicit(&metrics->drift, count, memory_order_relaxed);
}

static void print_drift(struct metrics *metrics, struct buf *out)
{
    static const char name[] = "slipway_counters_drifted";

    buf_printf(out,
               "# HELP %s Counters of deployments that differ from their rows.\n"
               "# TYPE %s gauge\n%s %" PRIu64 "\n",
               name, name, name,
               (uint64_t)atomic_load_explicit(&metrics->drift, memory_order_relaxed));
}

static void print_silent(struct metrics *metrics, struct buf *out)
{
    static const char name[] = "slipway_devices_silent";

    buf_printf(out,
               "# HELP %s Devices not heard of for three days.\n# TYPE %s gauge\n%s %" PRIu64 "\n",
               name, name, name,
               (uint64_t)atomic_load_explicit(&metrics->silent_devices, memory_order_relaxed));
}

static void print_levels(struct metrics *metrics, struct buf *out)
{
    static const char name[] = "slipway_repo_roles_expiring";

    buf_printf(out,
               "# HELP %s Metadata roles to be signed again, by days left or expired.\n"
               "# TYPE %s gauge\n",
               name, name);
    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    for (size_t i = 0; i < metrics->level_count; i++)
        buf_printf(out, "%s{within=\"%s\"} %" PRIu64 "\n", name, metrics->levels[i].name,
                   metrics->levels[i].count);
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
}

static void print_statements(struct metrics *metrics, struct buf *out)
{
    static const char name[] = "slipway_database_statement_total";

    buf_printf(out, "# HELP %s Statements sent to PostgreSQL, by name.\n# TYPE %s counter\n", name,
               name);
    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    for (size_t i = 0; i < metrics->statement_count; i++) {
        uint64_t total = 0;

        for (unsigned w = 0; w < metrics->workers; w++)
            total += metrics->statements[i].sent[w];
        buf_printf(out, "%s{name=\"%s\"} %" PRIu64 "\n", name, metrics->statements[i].name, total);
    }
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
}

static void print_families(struct metrics *metrics, struct buf *out)
{
    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    for (size_t i = 0; i < METRICS_FAMILY_COUNT; i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", families[i].name, families[i].help,
                   families[i].name);
        buf_add_text(out, metrics->lines[i] ? metrics->lines[i] : "");
    }
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
}

static void print_route(const struct metrics *metrics, const struct route *route, const char *name,
                        struct buf *out)
{
    struct http_latency all = {0};
    uint64_t count = 0;

    for (unsigned w = 0; w < metrics->workers; w++) {
        all.sum_us += route->latencies[w].sum_us;
        for (size_t b = 0; b < HTTP_LATENCY_BUCKETS; b++)
            all.buckets[b] += route->latencies[w].buckets[b];
    }
    for (size_t b = 0; b < HTTP_LATENCY_BUCKETS; b++) {
        char bound[24] = "+Inf";

        if (b < HTTP_LATENCY_BUCKETS - 1)
            (void)snprintf(bound, sizeof(bound), "%g", /* always fits */
                           (double)http_latency_bounds_us[b] / 1e6);
        count += all.buckets[b];
        buf_printf(out, "%s_bucket{method=\"%s\",path=\"%s\",le=\"%s\"} %" PRIu64 "\n", name,
                   route->method, route->path, bound, count);
    }
    buf_printf(out, "%s_sum{method=\"%s\",path=\"%s\"} %.6f\n", name, route->method, route->path,
               (double)all.sum_us / 1e6);
    buf_printf(out, "%s_count{method=\"%s\",path=\"%s\"} %" PRIu64 "\n", name, route->method,
               route->path, count);
}

static void print_routes(struct metrics *metrics, struct buf *out)
{
    static const char name[] = "slipway_http_answer_seconds";

    buf_printf(out,
               "# HELP %s From a request's head to its answer, by route.\n"
               "# TYPE %s histogram\n",
               name, name);
    ASSERT(pthread_mutex_lock(&metrics->lock) == 0);
    for (size_t i = 0; i < metrics->route_count; i++)
        print_route(metrics, &metrics->routes[i], name, out);
    ASSERT(pthread_mutex_unlock(&metrics->lock) == 0);
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
    print_levels(metrics, out);
    print_silent(metrics, out);
    print_drift(metrics, out);
    print_families(metrics, out);
    print_routes(metrics, out);
    print_statements(metrics, out);
}
