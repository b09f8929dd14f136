/* For probes and collectors. */
#include "server/metrics/health.h"

#include "server/db/db.h"
#include "server/metrics/metrics.h"
#include "server/worker.h"

enum { METRICS_BYTES_MAX = 2 << 20 };

static http_handler_fn on_healthz, on_readyz, on_metrics;

const struct http_route health_routes[HEALTH_ROUTE_COUNT] = {
    {
        .method = "GET",
        .path = "/healthz",
        .access = ACCESS_PUBLIC,
        .handler = on_healthz,
        .summary = "200 as long as the process answers.",
    },
    {
        .method = "GET",
        .path = "/readyz",
        .access = ACCESS_PUBLIC,
        .handler = on_readyz,
        .summary = "200 when the database answers, too; else 503.",
    },
    {
        .method = "GET",
        .path = "/metrics",
        .access = ACCESS_PUBLIC,
        .handler = on_metrics,
        .summary = "Counters in Prometheus' text format.",
    },
};

static void on_healthz(struct http_request *req, void *app)
{
    (void)app; /* that we got here is the answer */
    http_answer_json(req, 200, "{\"status\":\"ok\"}");
}

static void on_readyz(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    struct err err;

    if (db_is_up(worker->db)) {
        http_answer_json(req, 200, "{\"status\":\"ready\",\"database\":\"up\"}");
        return;
    }
    (void)err_set(&err, ERR_UNAVAILABLE, "the database does not answer");
    http_answer_error(req, &err);
}

static void on_metrics(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    AUTO_BUF text;

    buf_init(&text, METRICS_BYTES_MAX);
    metrics_print(worker->metrics, &text);
    http_answer(req, 200, "text/plain; version=0.0.4", text.data, text.len);
}
