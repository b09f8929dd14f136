/* What ends things: replayed when nothing needs them any more. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_last[] = {
    {.method = "POST", .path = "/api/v1/deployments/:id/abort",
     .answer = "{id:uuid, state:text, phase:int, ...}"},
    {.method = "POST", .path = "/api/v1/devices/:device/replace",
     .body = "{by:hash}",
     .example = "{\"by\":\"${spare}\"}",
     .answer = "{old:#Device, new:#Device, ...}"},
    {.method = "POST", .path = "/api/v1/devices/:device/decommission",
     .names = "spare",
     .body = "{reason:text(1,200)}",
     .example = "{\"reason\":\"sold\"}",
     .answer = "#Device"},
    {.method = "DELETE", .path = "/api/v1/groups/:id",
     .answer = "#Group"},
    {.method = NULL},
};
/* clang-format on */
