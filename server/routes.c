/* A module that has routes adds its table and its credential here. */
#include "server/routes.h"

#include "server/artifact/routes.h"
#include "server/auth/foreign.h"
#include "server/auth/operator.h"
#include "server/device/routes.h"
#include "server/fleet/fleet.h"
#include "server/metrics/health.h"
#include "server/openapi/routes.h"
#include "server/operator/routes.h"
#include "server/operator/routes_artifact.h"
#include "server/operator/routes_dashboard.h"
#include "server/operator/routes_deployments.h"
#include "server/operator/routes_fleet.h"
#include "server/operator/routes_reports.h"
#include "server/operator/routes_webhook.h"
#include "server/operator/routes_why.h"
#include "server/repo/routes.h"
#include "server/stream/routes.h"
#include "server/worker.h"

const struct http_route *const route_tables[] = {
    operator_routes,   device_routes,  repo_routes,      artifact_routes,   health_routes,
    why_routes,        report_routes,  fleet_routes,     stream_routes,     openapi_routes,
    deployment_routes, webhook_routes, dashboard_routes, collection_routes, NULL};
const size_t route_counts[] = {OPERATOR_ROUTE_COUNT,  DEVICE_ROUTE_COUNT,     REPO_ROUTE_COUNT,
                               ARTIFACT_ROUTE_COUNT,  HEALTH_ROUTE_COUNT,     WHY_ROUTE_COUNT,
                               REPORT_ROUTE_COUNT,    FLEET_ROUTE_COUNT,      STREAM_ROUTE_COUNT,
                               OPENAPI_ROUTE_COUNT,   DEPLOYMENT_ROUTE_COUNT, WEBHOOK_ROUTE_COUNT,
                               DASHBOARD_ROUTE_COUNT, COLLECTION_ROUTE_COUNT};
_Static_assert(COUNT(route_tables) == COUNT(route_counts) + 1, "every table has its length");

bool routes_authenticate(struct http_request *req, const char *token, void *app, struct err *err)
{
    const struct worker *worker = app;

    switch (req->route->access) {
    case ACCESS_PUBLIC:
        return true;
    case ACCESS_DEVICE:
        return authenticate_device(req, token, fleet_index_of(worker->fleet), err);
    case ACCESS_OPERATOR:
        return authenticate_operator(req, token, worker->tokens, err);
    }
    return err_set(err, ERR_DENIED, "no such access");
}

void routes_not_found(struct http_request *req, const struct err *err, void *app)
{
    const struct worker *worker = app;

    foreign_answer(req, err, worker->db);
}
