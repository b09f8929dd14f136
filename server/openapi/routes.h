#pragma once
/* The route of the document. */
#include "server/http/http.h"

enum { OPENAPI_ROUTE_COUNT = 1 };
extern const struct http_route openapi_routes[OPENAPI_ROUTE_COUNT];
