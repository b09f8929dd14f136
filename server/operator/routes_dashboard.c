/* What charts are drawn from. */
#include "server/operator/routes_dashboard.h"

#define READ(path, handler, summary)                                                               \
    {                                                                                              \
        "GET", path, ACCESS_OPERATOR, ACTION_READ, 0, false, handler, summary                      \
    }

const struct http_route dashboard_routes[DASHBOARD_ROUTE_COUNT] = {
    READ("/api/v1/dashboard/deployments/:id/progress", on_dashboard_progress,
         "A deployment by phase, state and stratum, now and before (`?since=`, `?until=`, "
         "`?points=`); granted, fetched and touched apart"),
    READ("/api/v1/dashboard/versions", on_dashboard_versions,
         "What devices run, now and over time. `?product=`, `?group=` (ids), `?since=`, `?until=`, "
         "`?points=`"),
    READ("/api/v1/dashboard/health", on_dashboard_health,
         "Devices online, quiet, failing, held and quarantined, each in one class, in all and by "
         "group. `?product=`, `?group=` (ids)"),
    READ("/api/v1/dashboard/issues", on_dashboard_issues,
         "The issues that happened most. `?product=`, `?group=` (ids), `?since=`, `?until=`, "
         "`?limit=`"),
    READ("/api/v1/dashboard/bytes", on_dashboard_bytes,
         "Bytes that devices fetched and that deltas saved, by day. `?product=`, `?group=` (ids), "
         "`?since=`, `?until=`"),
};
