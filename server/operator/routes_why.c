#include "server/operator/routes_why.h"

#include "server/limits.h"

/* clang-format off */
const struct http_route why_routes[] = {
    {"GET", "/api/v1/devices/:device/why", ACCESS_OPERATOR, ACTION_READ, 0, false, on_device_why,
     "Why a device gets what it gets: the decision of its next poll step by step, each with its "
     "reason"},
    {"POST", "/api/v1/deployments:plan", ACCESS_OPERATOR, ACTION_READ, OPERATOR_BODY_BYTES_MAX,
     false, on_deployment_plan,
     "What creating a deployment would come to (the same body; nothing is written): who gets it "
     "and when, who does not and why, bytes, cost. `?price_per_gb=`"},
    {"GET", "/api/v1/deployments/:id/forecast", ACCESS_OPERATOR, ACTION_READ, 0, false,
     on_deployment_forecast,
     "When a running deployment will have ended: what is left in each phase, likely and late"},
    {"GET", "/api/v1/deployments/:id/stuck", ACCESS_OPERATOR, ACTION_READ, 0, false,
     on_deployment_stuck, "Devices that a running deployment waits for, each with its reason"},
};
/* clang-format on */
_Static_assert(COUNT(why_routes) == WHY_ROUTE_COUNT, "every route is counted");
