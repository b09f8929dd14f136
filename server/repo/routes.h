#pragma once
/* The image repository's part of the APIs: what devices and caches read, what operators publish. */
#include "server/http/http.h"

enum { REPO_ROUTE_COUNT = 4 };
extern const struct http_route repo_routes[];
