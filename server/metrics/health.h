#pragma once
/* /healthz (the process answers), /readyz (so does its database), /metrics. Public. */
#include "server/http/http.h"

enum { HEALTH_ROUTE_COUNT = 3 };
extern const struct http_route health_routes[HEALTH_ROUTE_COUNT];
