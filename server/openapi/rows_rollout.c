/* Releases and deployments. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_rollout[] = {
    {.method = "POST", .path = "/api/v1/releases",
     .body = "{name:text(1,63), product:uuid, images:[hash], notes?:text(0,4000)}",
     .example = "{\"name\":\"2.0-beta\",\"product\":\"${board}\",\"images\":[\"${images}\"],\"notes\":\"faster "
                "boot\"}",
     .keeps = "releases=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/releases",
     .query = "limit after name product"},
    {.method = "GET", .path = "/api/v1/releases/:id"},
    {.method = "POST", .path = "/api/v1/deployments:plan",
     .query = "price_per_gb",
     .body = "{group:uuid, release:uuid, phases:[{percent?:number, "
             "count?:int(1,10000000), filter?:text(1,1024), soak_s?:int(0,31536000), "
             "soak_device_h?:int(0,1000000000), advance?:'auto'|'manual'}], "
             "first?:text(1,1024), soak_s?:int(0,31536000), gate?:{install?:{p0?:number, "
             "p1?:number, alpha?:number, beta?:number, start?:int(1,1000000)}|null, "
             "health?:{ratio?:number, alpha?:number, beta?:number}|null, "
             "silence?:{intervals?:int(1,1000), ratio?:number, alpha?:number}|null, "
             "threshold?:{failed_percent:int(0,100), "
             "min_finished:int(1,1000000000)}|null, scope?:'all'|'stratum', "
             "failed_percent?:int(0,100), min_finished?:int(1,1000000000)}, "
             "salt?:text(1,64), action?:'update'|'downgrade', start?:time, draft?:bool, "
             "concurrency?:int(1,10000000), bytes_per_hour?:int(1,1000000000000000), "
             "delta_policy?:'full'|'delta-only'|'delta-then-full'|'wait-for-delta', "
             "delta_deadline_s?:int(1,2592000), retry?:{max:int(0,10), "
             "after_s?:int(0,2592000)}, security?:bool, supersedes?:bool|uuid, "
             "on_stop?:'pause'|'halt'|'roll-back'}",
     .example = "{\"group\":\"${board_group}\",\"release\":\"${releases}\",\"phases\":[{\"count\":3},{\"percent\":10,\"soak_s\":7200},{\"percent\":100}]}"},
    {.method = "POST", .path = "/api/v1/deployments",
     .body = "{group:uuid, release:uuid, phases:[{percent?:number, "
             "count?:int(1,10000000), filter?:text(1,1024), soak_s?:int(0,31536000), "
             "soak_device_h?:int(0,1000000000), advance?:'auto'|'manual'}], "
             "first?:text(1,1024), soak_s?:int(0,31536000), gate?:{install?:{p0?:number, "
             "p1?:number, alpha?:number, beta?:number, start?:int(1,1000000)}|null, "
             "health?:{ratio?:number, alpha?:number, beta?:number}|null, "
             "silence?:{intervals?:int(1,1000), ratio?:number, alpha?:number}|null, "
             "threshold?:{failed_percent:int(0,100), "
             "min_finished:int(1,1000000000)}|null, scope?:'all'|'stratum', "
             "failed_percent?:int(0,100), min_finished?:int(1,1000000000)}, "
             "salt?:text(1,64), action?:'update'|'downgrade', start?:time, draft?:bool, "
             "concurrency?:int(1,10000000), bytes_per_hour?:int(1,1000000000000000), "
             "delta_policy?:'full'|'delta-only'|'delta-then-full'|'wait-for-delta', "
             "delta_deadline_s?:int(1,2592000), retry?:{max:int(0,10), "
             "after_s?:int(0,2592000)}, security?:bool, supersedes?:bool|uuid, "
             "on_stop?:'pause'|'halt'|'roll-back'}",
     .example = "{\"group\":\"${board_group}\",\"release\":\"${releases}\",\"phases\":[{\"count\":3},{\"percent\":10,\"soak_s\":7200,\"advance\":\"manual\"},{\"percent\":100}],\"on_stop\":\"pause\"}",
     .keeps = "deployments=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/deployments",
     .query = "limit after group state"},
    {.method = "GET", .path = "/api/v1/deployments/:id"},
    {.method = "GET", .path = "/api/v1/deployments/:id/devices",
     .query = "limit after state"},
    {.method = "GET", .path = "/api/v1/deployments/:id/forecast"},
    {.method = "GET", .path = "/api/v1/deployments/:id/stuck",
     .query = "limit after"},
    {.method = "POST", .path = "/api/v1/deployments/:id/pause"},
    {.method = "POST", .path = "/api/v1/deployments/:id/resume"},
    {.method = "POST", .path = "/api/v1/deployments/:id/approve",
     .replay = "a second person does it; see the story of approvals"},
    {.method = NULL},
};
/* clang-format on */
