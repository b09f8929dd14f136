#pragma once
/* The collection of artifacts, as operators see it. `app` is the struct worker. */
#include "server/http/http.h"

enum { COLLECTION_ROUTE_COUNT = 3 };
extern const struct http_route collection_routes[];

http_handler_fn on_artifact_why, on_artifact_lock, on_artifact_unlock;
