#pragma once
/* The dashboard: the table, its handlers. `app` is the struct worker. */
#include "server/http/http.h"

enum { DASHBOARD_ROUTE_COUNT = 5 };
extern const struct http_route dashboard_routes[DASHBOARD_ROUTE_COUNT];

http_handler_fn on_dashboard_progress, on_dashboard_versions, on_dashboard_health,
    on_dashboard_issues, on_dashboard_bytes;
