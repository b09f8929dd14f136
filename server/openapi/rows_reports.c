/* Errors that devices reported. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_reports[] = {
    {.method = "GET", .path = "/api/v1/stream",
     .query = "after",
     .media = "text/event-stream",
     .replay = "it has no end; see the story of the stream"},
    {.method = "POST", .path = "/api/v1/webhooks",
     .body = "{url:text(1,2000), events?:[text(1,63)], template?:'json'|'email'|'chat'}",
     .example = "{\"url\":\"https://example.com/hook\",\"events\":[\"deployment.*\"],\"template\":\"json\"}",
     .answer = "{id:uuid, url:text, events:[text], template:text, enabled:bool, "
               "created:time, queued:int, dead:int, secret:hash, ...}",
     .keeps = "webhooks=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/webhooks",
     .query = "limit after",
     .answer = "{items:[#Webhook], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/webhooks/:id",
     .answer = "#Webhook"},
    {.method = "PATCH", .path = "/api/v1/webhooks/:id",
     .body = "{url?:text(1,2000), events?:[text(1,63)], template?:'json'|'email'|'chat', "
             "enabled?:bool}",
     .example = "{\"enabled\":false}",
     .answer = "#Webhook"},
    {.method = "POST", .path = "/api/v1/webhooks/:id/test",
     .answer = "#Delivery",
     .keeps = "delivery=id",
     .status = 202},
    {.method = "GET", .path = "/api/v1/webhooks/:id/deliveries",
     .query = "limit after state",
     .answer = "{items:[#Delivery], next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/webhooks/:id/deliveries/:delivery/redeliver",
     .answer = "#Delivery",
     .replay = "a delivery has to have ended; see the story of webhooks",
     .status = 202},
    {.method = "DELETE", .path = "/api/v1/webhooks/:id",
     .answer = "{id:uuid, ...}"},
    {.method = "GET", .path = "/api/v1/dashboard/deployments/:id/progress",
     .query = "since until points",
     .answer = "{deployment:uuid, group:text, release:text, state:text, "
               "reason:text|null, phase:int, started:time, ended:time|null, "
               "phases:[{phase:int, percent_of_fleet:number|null, devices:int|null, "
               "filter:text|null, states:[any], granted:int, fetched:int, touched:int, "
               "...}], strata:[any], history:[any], ...}"},
    {.method = "GET", .path = "/api/v1/dashboard/versions",
     .query = "product group since until points",
     .answer = "{as_of:time|null, versions:[{version:text|null, release_counter:int|null, "
               "count:int, percent:number}], history:[{at:time, versions:[any]}]}"},
    {.method = "GET", .path = "/api/v1/dashboard/health",
     .query = "product group",
     .answer = "{as_of:time|null, total:int, classes:[{class:text, count:int|null, "
               "percent:number|null, ...}], groups:[any]|null, ...}"},
    {.method = "GET", .path = "/api/v1/dashboard/issues",
     .query = "product group since until limit",
     .answer = "{total:int, items:[{id:uuid, title:text, category:text, product:text, "
               "state:text, count:int|null, devices:int|null, last_seen:time|null, "
               "percent:number|null, ...}], ...}"},
    {.method = "GET", .path = "/api/v1/dashboard/bytes",
     .query = "product group since until",
     .answer = "{bytes:[{kind:text, count:int|null, percent:number|null, ...}], "
               "days:[text], ...}"},
    {.method = "GET", .path = "/api/v1/reports",
     .query = "limit after device deployment",
     .ask = "device=${device}",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/events",
     .query = "limit after group release issue device image category class since until "
              "format",
     .answer = "{items:[{id:text, received:time, device:hash, group:uuid, "
               "group_name:text, category:text, class:text, component:text, "
               "count:int|null, start:time|null, end:time, clock_moved:bool, "
               "planned:bool, image:hash|null, version:text|null, exit_status:int|null, "
               "signal:int, summary:text, backtrace:any, issue:uuid, attachment:any, "
               "...}], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/events/daily",
     .query = "since until group image category",
     .answer = "{items:[{day:text, category:text, class:text, planned:bool, events:int, "
               "count:int|null, devices:int|null, uptime_s:int, ...}], ...}"},
    {.method = "GET", .path = "/api/v1/quarantine",
     .query = "limit after",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/issues",
     .query = "limit after state category product release component image",
     .answer = "{items:[#Issue], next:text|null, ...}",
     .keeps = "issues=items.0.id"},
    {.method = "GET", .path = "/api/v1/issues/:id",
     .answer = "{id:uuid, title:text, category:text, class:text, component:text, "
               "product:text, state:text, state_since:time, note:text, assignee:text, "
               "first_seen:time, last_seen:time|null, first_image:hash|null, "
               "first_release:text|null, count:int|null, devices:int|null, "
               "regressions:int, same_as:uuid|null, backtrace:any, frames:any, "
               "versions:[{image:hash|null, version:text|null, release_counter:int|null, "
               "releases:[any], count:int|null, first_seen:time, last_seen:time|null, "
               "...}], timeline:[{day:text, count:int|null, ...}], "
               "affected:[{device:hash, count:int|null, first_seen:time, "
               "last_seen:time|null, ...}], samples:[{id:text, received:time, "
               "device:hash, summary:text, signal:int, exit_status:int|null, "
               "image:hash|null, attachment:any, ...}], ...}"},
    {.method = "PATCH", .path = "/api/v1/issues/:id",
     .body = "{note?:text(0,1000), assignee?:text(0,63)}",
     .example = "{\"note\":\"the codec again\",\"assignee\":\"kim\"}",
     .answer = "#Issue"},
    {.method = "POST", .path = "/api/v1/issues/:id/ignore",
     .answer = "#Issue"},
    {.method = "POST", .path = "/api/v1/issues/:id/reopen",
     .answer = "#Issue"},
    {.method = "POST", .path = "/api/v1/issues/:id/resolve",
     .body = "{note?:text(0,1000), release?:uuid}",
     .example = "{\"note\":\"fixed by 2.1\"}",
     .answer = "#Issue"},
    {.method = "GET", .path = "/api/v1/attachments/:device/:sha256",
     .names = "device,sha256",
     .media = "application/octet-stream",
     .replay = "there has to be one; see the story of reports"},
    {.method = "PUT", .path = "/api/v1/symbols/:sha256",
     .body = "bytes",
     .answer = "{...}",
     .replay = "the body is the file; see the story of reports",
     .status = 201},
    {.method = "GET", .path = "/api/v1/symbols",
     .query = "limit after",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = NULL},
};
/* clang-format on */
