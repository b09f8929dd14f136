/* What keeps files, and locks. */
#include "server/operator/routes_artifact.h"

#include "server/limits.h"

const struct http_route collection_routes[] = {
    {"GET", "/api/v1/artifacts/:sha256/why", ACCESS_OPERATOR, ACTION_READ, 0, false,
     on_artifact_why,
     "What keeps an image's file: signatures, devices, baselines, ways back, stepping stones, "
     "locks; without any it goes after 30 days"},
    {"POST", "/api/v1/artifacts/:sha256/lock", ACCESS_OPERATOR, ACTION_RELEASE_WRITE,
     OPERATOR_BODY_BYTES_MAX, false, on_artifact_lock,
     "Keep an image's file whatever else `{reason}`"},
    {"POST", "/api/v1/artifacts/:sha256/unlock", ACCESS_OPERATOR, ACTION_RELEASE_WRITE,
     OPERATOR_BODY_BYTES_MAX, false, on_artifact_unlock, "Take the lock away"},
};
_Static_assert(COUNT(collection_routes) == COLLECTION_ROUTE_COUNT, "every route is counted");
