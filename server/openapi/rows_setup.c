/* Tenants, tokens, audit, and what probes ask. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_setup[] = {
    {.method = "GET", .path = "/healthz"},
    {.method = "GET", .path = "/readyz"},
    {.method = "GET", .path = "/metrics",
     .media = "text/plain"},
    {.method = "GET", .path = "/api/v1/openapi.json",
     .answer = "{openapi:text, ...}"},
    {.method = "POST", .path = "/api/v1/tenants",
     .body = "{name:name}",
     .example = "{\"name\":\"acme\"}",
     .status = 201},
    {.method = "GET", .path = "/api/v1/tenants",
     .query = "limit after name"},
    {.method = "GET", .path = "/api/v1/tenant"},
    {.method = "PATCH", .path = "/api/v1/tenant",
     .body = "{approval_devices?:int(0,1000000000), approval_changes?:bool, "
             "updates_stopped?:bool, reason?:text(1,200)}",
     .example = "{\"approval_devices\":0,\"approval_changes\":false}"},
    {.method = "POST", .path = "/api/v1/operator-tokens",
     .body = "{name:name, "
             "role:'reader'|'contributor'|'approver'|'administrator'|'auditor', "
             "products?:[uuid], groups?:[uuid], expires?:time}",
     .example = "{\"name\":\"ci\",\"role\":\"contributor\"}",
     .keeps = "operator-tokens=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/operator-tokens",
     .query = "limit after"},
    {.method = "POST", .path = "/api/v1/operator-tokens/:id/revoke"},
    {.method = "GET", .path = "/api/v1/audit",
     .query = "limit after tenant"},
    {.method = NULL},
};
/* clang-format on */
