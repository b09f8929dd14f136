#include "server/operator/routes_deployments.h"

#include "server/limits.h"

/* clang-format off */
const struct http_route deployment_routes[] = {
    {"POST", "/api/v1/deployments/:id/start", ACCESS_OPERATOR, ACTION_DEPLOY_STEER,
     OPERATOR_BODY_BYTES_MAX, false, on_deployment_start,
     "Start a draft, or what is scheduled before its time"},
    {"POST", "/api/v1/deployments/:id/advance", ACCESS_OPERATOR, ACTION_DEPLOY_STEER,
     OPERATOR_BODY_BYTES_MAX, false, on_deployment_advance,
     "Let a phase that waits for a person (`advance: manual`) go on `{phase: the one that runs}`"},
    {"POST", "/api/v1/deployments/:id/rollback", ACCESS_OPERATOR, ACTION_DEPLOY_STEER,
     OPERATOR_BODY_BYTES_MAX, false, on_deployment_rollback,
     "Take every device that has it back to the group's baseline: the answer is a new deployment"},
    {"GET", "/api/v1/deployments/:id/verdicts", ACCESS_OPERATOR, ACTION_READ, 0, false,
     on_deployment_verdicts, "What its gates said, with the evidence that they saw"},
};
/* clang-format on */
_Static_assert(COUNT(deployment_routes) == DEPLOYMENT_ROUTE_COUNT, "every route is counted");
