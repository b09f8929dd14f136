/* What ends things: replayed when nothing needs them any more. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_last[] = {
    {.method = "POST", .path = "/api/v1/deployments/:id/abort"},
    {.method = "POST", .path = "/api/v1/devices/:device/replace",
     .body = "{by:hash}",
     .example = "{\"by\":\"${spare}\"}"},
    {.method = "POST", .path = "/api/v1/devices/:device/decommission",
     .names = "spare",
     .body = "{reason:text(1,200)}",
     .example = "{\"reason\":\"sold\"}"},
    {.method = "DELETE", .path = "/api/v1/groups/:id"},
    {.method = NULL},
};
/* clang-format on */
