/* Products, groups, devices. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_fleet[] = {
    {.method = "POST", .path = "/api/v1/products",
     .body = "{name:name, hwids:[text(1,63)]}",
     .example = "{\"name\":\"camera\",\"hwids\":[\"cam-v1\"]}",
     .keeps = "products=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/products",
     .query = "limit after name"},
    {.method = "GET", .path = "/api/v1/products/:id"},
    {.method = "GET", .path = "/api/v1/products/:id/groups",
     .query = "limit after name"},
    {.method = "POST", .path = "/api/v1/components",
     .body = "{product:uuid, type:'os', name:name}",
     .example = "{\"product\":\"${products}\",\"type\":\"os\",\"name\":\"base-os\"}",
     .status = 201},
    {.method = "GET", .path = "/api/v1/components",
     .query = "limit after name"},
    {.method = "POST", .path = "/api/v1/groups",
     .body = "{product:uuid, name:name, poll_interval_s?:int(1,604800), "
             "update_policy?:'all'|'os-only'|'none', feed?:name, crash_dumps?:bool, "
             "maintenance?:{days:['mon'|'tue'|'wed'|'thu'|'fri'|'sat'|'sun'], "
             "start:text(5,5), end:text(5,5)}|null, concurrency?:int(1,10000000)|null, "
             "bytes_per_hour?:int(1,1000000000000000)|null}",
     .example = "{\"product\":\"${products}\",\"name\":\"lab\",\"poll_interval_s\":600,\"maintenance\":{\"days\":[\"sat\",\"sun\"],\"start\":\"02:00\",\"end\":\"05:00\"}}",
     .keeps = "groups=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/groups",
     .query = "limit after name product"},
    {.method = "GET", .path = "/api/v1/groups/:id"},
    {.method = "PATCH", .path = "/api/v1/groups/:id",
     .body = "{name?:name, poll_interval_s?:int(1,604800), "
             "update_policy?:'all'|'os-only'|'none', feed?:name, crash_dumps?:bool, "
             "maintenance?:{days:['mon'|'tue'|'wed'|'thu'|'fri'|'sat'|'sun'], "
             "start:text(5,5), end:text(5,5)}|null, concurrency?:int(1,10000000)|null, "
             "bytes_per_hour?:int(1,1000000000000000)|null, updates_stopped?:bool, "
             "reason?:text(1,200)}",
     .example = "{\"poll_interval_s\":300,\"crash_dumps\":true,\"maintenance\":null}"},
    {.method = "POST", .path = "/api/v1/groups/:id/hold",
     .body = "{reason:text(1,200), until?:time}",
     .example = "{\"reason\":\"trade fair\",\"until\":\"${later}\"}"},
    {.method = "POST", .path = "/api/v1/groups/:id/unhold"},
    {.method = "POST", .path = "/api/v1/claim-tokens",
     .body = "{group:uuid, count?:int(1,1000000), expires?:time}",
     .example = "{\"group\":\"${groups}\",\"count\":100}",
     .status = 201},
    {.method = "GET", .path = "/api/v1/claim-tokens",
     .query = "limit after"},
    {.method = "GET", .path = "/api/v1/devices",
     .query = "limit after group state held quarantined tag attribute version filter q"},
    {.method = "GET", .path = "/api/v1/devices/:device"},
    {.method = "GET", .path = "/api/v1/devices/:device/director",
     .replay = "there has to be a director; see its story"},
    {.method = "GET", .path = "/api/v1/devices/:device/why"},
    {.method = "PUT", .path = "/api/v1/devices/:device/tags",
     .body = "{*:text(1,256)}",
     .example = "{\"ring\":\"lab\",\"site\":\"berlin\"}"},
    {.method = "PATCH", .path = "/api/v1/devices/:device/tags",
     .body = "{*:text(1,256)|null}",
     .example = "{\"site\":null}"},
    {.method = "POST", .path = "/api/v1/devices/:device/quarantine",
     .body = "{reason:text(1,200)}",
     .example = "{\"reason\":\"smells of smoke\"}"},
    {.method = "POST", .path = "/api/v1/devices/:device/release"},
    {.method = "POST", .path = "/api/v1/devices/:device/hold",
     .body = "{reason:text(1,200), until?:time}",
     .example = "{\"reason\":\"a demonstration\"}"},
    {.method = "POST", .path = "/api/v1/devices/:device/unhold"},
    {.method = "POST", .path = "/api/v1/devices/:device/move",
     .body = "{to:uuid}",
     .example = "{\"to\":\"${board_lab}\"}"},
    {.method = "POST", .path = "/api/v1/devices:move",
     .body = "{to:uuid, devices?:[hash], group?:uuid, filter?:text(1,1024)}",
     .example = "{\"to\":\"${board_group}\",\"devices\":[\"${device}\"]}"},
    {.method = NULL},
};
/* clang-format on */
