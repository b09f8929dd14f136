#pragma once
/* The table of the operator API: http_app.route_tables, docs/API.md. */
#include "server/http/http.h"

extern const struct http_route operator_routes[];
extern const size_t operator_route_count;
