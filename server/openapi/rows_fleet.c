/* Products, groups, devices. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_fleet[] = {
    {.method = "POST", .path = "/api/v1/products",
     .body = "{name:name, hwids:[text(1,63)]}",
     .example = "{\"name\":\"camera\",\"hwids\":[\"cam-v1\"]}",
     .answer = "#Product",
     .keeps = "products=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/products",
     .query = "limit after name",
     .answer = "{items:[#Product], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/products/:id",
     .answer = "#Product"},
    {.method = "GET", .path = "/api/v1/products/:id/groups",
     .query = "limit after name",
     .answer = "{items:[#Group], next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/components",
     .body = "{product:uuid, type:'os', name:name}",
     .example = "{\"product\":\"${products}\",\"type\":\"os\",\"name\":\"base-os\"}",
     .answer = "#Component",
     .status = 201},
    {.method = "GET", .path = "/api/v1/components",
     .query = "limit after name",
     .answer = "{items:[#Component], next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/groups",
     .body = "{product:uuid, name:name, poll_interval_s?:int(1,604800), "
             "update_policy?:'all'|'os-only'|'none', feed?:name, crash_dumps?:bool, "
             "maintenance?:{days:['mon'|'tue'|'wed'|'thu'|'fri'|'sat'|'sun'], "
             "start:text(5,5), end:text(5,5)}|null, concurrency?:int(1,10000000)|null, "
             "bytes_per_hour?:int(1,1000000000000000)|null}",
     .example = "{\"product\":\"${products}\",\"name\":\"lab\",\"poll_interval_s\":600,\"maintenance\":{\"days\":[\"sat\",\"sun\"],\"start\":\"02:00\",\"end\":\"05:00\"}}",
     .answer = "#Group",
     .keeps = "groups=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/groups",
     .query = "limit after name product",
     .answer = "{items:[#Group], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/groups/:id",
     .answer = "#Group"},
    {.method = "PATCH", .path = "/api/v1/groups/:id",
     .body = "{name?:name, poll_interval_s?:int(1,604800), "
             "update_policy?:'all'|'os-only'|'none', feed?:name, crash_dumps?:bool, "
             "maintenance?:{days:['mon'|'tue'|'wed'|'thu'|'fri'|'sat'|'sun'], "
             "start:text(5,5), end:text(5,5)}|null, concurrency?:int(1,10000000)|null, "
             "bytes_per_hour?:int(1,1000000000000000)|null, updates_stopped?:bool, "
             "reason?:text(1,200)}",
     .example = "{\"poll_interval_s\":300,\"crash_dumps\":true,\"maintenance\":null}",
     .answer = "#Group"},
    {.method = "POST", .path = "/api/v1/groups/:id/hold",
     .body = "{reason:text(1,200), until?:time}",
     .example = "{\"reason\":\"trade fair\",\"until\":\"${later}\"}",
     .answer = "#Group"},
    {.method = "POST", .path = "/api/v1/groups/:id/unhold",
     .answer = "#Group"},
    {.method = "POST", .path = "/api/v1/claim-tokens",
     .body = "{group:uuid, count?:int(1,1000000), expires?:time}",
     .example = "{\"group\":\"${groups}\",\"count\":100}",
     .answer = "{id:uuid, group:text, group_id:uuid, product:text, product_id:uuid, "
               "count:int|null, used:int, revoked:time|null, expires:time|null, "
               "created:time, token:text, ...}",
     .keeps = "claim-tokens=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/claim-tokens",
     .query = "limit after",
     .answer = "{items:[#Claim], next:text|null, ...}"},
    {.method = "PATCH", .path = "/api/v1/products/:id",
     .body = "{name?:name, add_hwids?:[text(1,63)]}",
     .example = "{\"add_hwids\":[\"cam-v2\"]}",
     .answer = "#Product"},
    {.method = "POST", .path = "/api/v1/claim-tokens/:id/revoke",
     .answer = "#Claim"},
    {.method = "POST", .path = "/api/v1/preregistrations",
     .query = "group first_line",
     .ask = "group=${groups}",
     .body = "{device?:hash, public_key?:hash, group?:text(1,127), tags?:{*:text(1,256)}}",
     .example = "{\"device\":\"${newcomer}\",\"tags\":{\"site\":\"berlin\"}}",
     .answer = "{added:int, changed:int, claimed:int|null, ...}"},
    {.method = "GET", .path = "/api/v1/preregistrations",
     .query = "limit after group claimed",
     .answer = "{items:[{device:hash, group:text, group_id:uuid, product:text, "
               "tags:{*:text}, created:time, claimed:time|null, ...}], next:text|null, "
               "...}"},
    {.method = "DELETE", .path = "/api/v1/preregistrations/:device",
     .names = "newcomer",
     .answer = "{device:hash, group:text, group_id:uuid, product:text, tags:{*:text}, "
               "created:time, claimed:time|null, ...}"},
    {.method = "GET", .path = "/api/v1/pending-claims",
     .query = "limit after",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/pending-claims/:device/accept",
     .body = "{group:uuid, tags?:{*:text(1,256)}}",
     .example = "{\"group\":\"${groups}\"}",
     .answer = "{device:hash, ...}",
     .replay = "a device has to wait; see the story of the fleet model"},
    {.method = "POST", .path = "/api/v1/pending-claims/:device/reject",
     .answer = "{device:hash, ...}",
     .replay = "a device has to wait; see the story of the fleet model"},
    {.method = "POST", .path = "/api/v1/freezes",
     .body = "{starts:time, ends:time, reason:text(1,200)}",
     .example = "{\"starts\":\"${sooner}\",\"ends\":\"${later}\",\"reason\":\"holidays\"}",
     .answer = "#Freeze",
     .keeps = "freezes=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/freezes",
     .query = "limit after past",
     .answer = "{items:[#Freeze], next:text|null, ...}"},
    {.method = "DELETE", .path = "/api/v1/freezes/:id",
     .answer = "#Freeze"},
    {.method = "GET", .path = "/api/v1/devices",
     .query = "limit after group state held quarantined tag attribute version filter q",
     .answer = "{items:[#Device], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/devices/:device",
     .answer = "{device:hash, product:text, group:text, group_id:uuid, hwid:text, "
               "state:text, state_reason:text, hold:{until:time|null, reason:text, "
               "...}|null, tags:{*:text}, replaced_by:hash|null, assignment:int, "
               "installed:[{sha256:hash, version:text|null, release_counter:int|null, "
               "...}], last_seen:time|null, claimed:time|null, product_id:uuid, "
               "attributes:{*:text}, failures:int, penalty_until:any, deployments:[any], "
               "reports:[any], ...}"},
    {.method = "GET", .path = "/api/v1/devices/:device/director",
     .answer = "{signed:any, ...}",
     .replay = "there has to be a director; see its story"},
    {.method = "GET", .path = "/api/v1/devices/:device/why",
     .answer = "{device:hash, answer:{action:text, reason:text|null, text:text, ...}, "
               "steps:[{step:text, verdict:text, reason:text|null, text:text, "
               "facts:{...}, ...}], last_seen:time|null, next_poll:time|null, "
               "row:{...}|null, refusals:[any], ...}"},
    {.method = "POST", .path = "/api/v1/devices/:device/capabilities",
     .body = "{name:'debug-shell'|'sideload', expires:time, reason:text(1,200)}",
     .example = "{\"name\":\"debug-shell\",\"expires\":\"${sooner}\",\"reason\":\"ticket 17\"}",
     .answer = "{id:uuid, device:hash, name:text, reason:text|null, issued:time, "
               "expires:time|null, revoked:time|null, document:text, ...}",
     .keeps = "capabilities=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/devices/:device/capabilities",
     .query = "limit after past",
     .answer = "{items:[{id:uuid, device:hash, name:text, reason:text|null, issued:time, "
               "expires:time|null, revoked:time|null, document:text, ...}], "
               "next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/capabilities",
     .query = "limit after past",
     .answer = "{items:[{id:uuid, device:hash, name:text, reason:text|null, issued:time, "
               "expires:time|null, revoked:time|null, document:text, ...}], "
               "next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/capabilities/:id/revoke",
     .answer = "{id:uuid, device:hash, name:text, reason:text|null, issued:time, "
               "expires:time|null, revoked:time|null, document:text, ...}"},
    {.method = "PUT", .path = "/api/v1/devices/:device/tags",
     .body = "{*:text(1,256)}",
     .example = "{\"ring\":\"lab\",\"site\":\"berlin\"}",
     .answer = "#Device"},
    {.method = "PATCH", .path = "/api/v1/devices/:device/tags",
     .body = "{*:text(1,256)|null}",
     .example = "{\"site\":null}",
     .answer = "#Device"},
    {.method = "POST", .path = "/api/v1/devices/:device/quarantine",
     .body = "{reason:text(1,200)}",
     .example = "{\"reason\":\"smells of smoke\"}",
     .answer = "#Device"},
    {.method = "POST", .path = "/api/v1/devices/:device/release",
     .answer = "#Device"},
    {.method = "POST", .path = "/api/v1/devices/:device/hold",
     .body = "{reason:text(1,200), until?:time}",
     .example = "{\"reason\":\"a demonstration\"}",
     .answer = "#Device"},
    {.method = "POST", .path = "/api/v1/devices/:device/unhold",
     .answer = "#Device"},
    {.method = "POST", .path = "/api/v1/devices/:device/move",
     .body = "{to:uuid}",
     .example = "{\"to\":\"${board_lab}\"}",
     .answer = "{moved:int, more:bool, ...}"},
    {.method = "POST", .path = "/api/v1/devices:move",
     .body = "{to:uuid, devices?:[hash], group?:uuid, filter?:text(1,1024)}",
     .example = "{\"to\":\"${board_group}\",\"devices\":[\"${device}\"]}",
     .answer = "{moved:int, more:bool, ...}"},
    {.method = NULL},
};
/* clang-format on */
