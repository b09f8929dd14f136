#pragma once
/* GET /api/v1/stream: what happens, as server-sent events. `app` is the struct worker. */
#include "server/http/http.h"

enum { STREAM_ROUTE_COUNT = 1 };
extern const struct http_route stream_routes[STREAM_ROUTE_COUNT];
