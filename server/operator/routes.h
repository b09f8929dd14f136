#pragma once
/* The table of the operator API: http_app.route_tables, docs/API.md. */
#include "server/http/http.h"

enum { OPERATOR_ROUTE_COUNT = 43 };
extern const struct http_route operator_routes[];
