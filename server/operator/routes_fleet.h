#pragma once
/* The fleet model: groups of one's own, devices by hand, claims, freezes, capabilities. */
#include "server/http/http.h"

enum { FLEET_ROUTE_COUNT = 31 };
extern const struct http_route fleet_routes[];
