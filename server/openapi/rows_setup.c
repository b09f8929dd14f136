/* Tenants, tokens, audit, and what probes ask. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_setup[] = {
    {.method = "GET", .path = "/healthz",
     .answer = "{status:text|null, ...}"},
    {.method = "GET", .path = "/readyz",
     .answer = "{status:text|null, database:text, ...}"},
    {.method = "GET", .path = "/metrics",
     .media = "text/plain"},
    {.method = "GET", .path = "/api/v1/openapi.json",
     .answer = "{openapi:text, ...}"},
    {.method = "POST", .path = "/api/v1/tenants",
     .body = "{name:name}",
     .example = "{\"name\":\"acme\"}",
     .answer = "{id:uuid, name:text, created:time, token:text, ...}",
     .status = 201},
    {.method = "GET", .path = "/api/v1/tenants",
     .query = "limit after name",
     .answer = "{items:[#Tenant], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/tenant",
     .answer = "#Settings"},
    {.method = "PATCH", .path = "/api/v1/tenant",
     .body = "{approval_devices?:int(0,1000000000), approval_changes?:bool, "
             "updates_stopped?:bool, reason?:text(1,200)}",
     .example = "{\"approval_devices\":0,\"approval_changes\":false}",
     .answer = "#Settings"},
    {.method = "POST", .path = "/api/v1/operator-tokens",
     .body = "{name:name, "
             "role:'reader'|'contributor'|'approver'|'administrator'|'auditor', "
             "products?:[uuid], groups?:[uuid], expires?:time}",
     .example = "{\"name\":\"ci\",\"role\":\"contributor\"}",
     .answer = "{id:text, name:text, role:text, products:[uuid]|null, "
               "groups:[uuid]|null, created:time, expires:time|null, "
               "last_used:time|null, revoked:time|null, token:text, ...}",
     .keeps = "operator-tokens=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/operator-tokens",
     .query = "limit after",
     .answer = "{items:[#Token], next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/operator-tokens/:id/revoke",
     .answer = "#Token"},
    {.method = "GET", .path = "/api/v1/audit",
     .query = "limit after tenant",
     .answer = "{items:[{seq:int, at:time, tenant:text, actor:text, via:text, "
               "action:text, object:text, before_hash:text, after_hash:text, "
               "request_id:text, prev_hash:text, hash:hash, ...}], next:text|null, "
               "head:{seq:int, hash:hash, ...}, ...}"},
    {.method = NULL},
};
/* clang-format on */
