#pragma once
/* The repositories' part of the APIs: what devices and caches read, what operators publish.
 * Signing requests are in server/operator/request.c. */
#include "server/http/http.h"

enum { REPO_ROUTE_COUNT = 8 };
extern const struct http_route repo_routes[];
