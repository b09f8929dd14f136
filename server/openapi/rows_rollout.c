/* Releases and deployments. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_rollout[] = {
    {.method = "POST", .path = "/api/v1/releases",
     .body = "{name:text(1,63), product:uuid, images:[hash], notes?:text(0,4000)}",
     .example = "{\"name\":\"2.0-beta\",\"product\":\"${board}\",\"images\":[\"${images}\"],\"notes\":\"faster "
                "boot\"}",
     .answer = "#Release",
     .keeps = "releases=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/releases",
     .query = "limit after name product",
     .answer = "{items:[#Release], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/releases/:id",
     .answer = "#Release"},
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
     .example = "{\"group\":\"${board_group}\",\"release\":\"${releases}\",\"phases\":[{\"count\":3},{\"percent\":10,\"soak_s\":7200},{\"percent\":100}]}",
     .answer = "{group:text, release:text, refused:[any], devices:int|null, "
               "eligible:int, asleep:int, penalised:int, skipped:{runs-it:int, ...}, "
               "phases:[{phase:int, devices:int|null, bytes:int, soak_s:int, "
               "soak_device_h:int, advance:text, count?:int|null, percent?:number|null, "
               "...}], bytes:{delta:{devices:int|null, bytes:int, ...}, "
               "full:{devices:int|null, bytes:int, ...}, total:int, ...}, cost:any, "
               "rollback:{possible:bool, reason:text|null, ...}, "
               "history:{deployments:int, succeeded:int, failed:int, crash_bad:int, "
               "crash_exposure_s:int, install_s:any, ...}, gate:{...}, warnings:[text], "
               "forecast:{likely:time, late:time, install_s:[int]|null, "
               "phases:[{phase:int, devices:int|null, likely:{begins:time, settles:time, "
               "ends:time, ...}, late:{begins:time, settles:time, ends:time, ...}, "
               "waits_for_person:bool, ...}], ...}, ...}"},
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
     .answer = "{id:uuid, group:text, group_id:uuid, release:text, release_id:uuid, "
               "action:text, state:text, phase:int, salt:text, soak_s:int, gate:{...}, "
               "on_stop:text, start:time|null, supersedes:uuid|null, phases:[{phase:int, "
               "percent:number|null, count:int|null, filter:text|null, soak_s:int, "
               "soak_device_h:int, advance:text, ...}], created:time, ...}",
     .keeps = "deployments=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/deployments",
     .query = "limit after group state",
     .answer = "{items:[{id:uuid, gate:{...}, halt:{...}|null, salt:text, "
               "ended:time|null, group:text, phase:int, retry:{max:int, after_s:int, "
               "...}, start:time|null, state:text, action:text, author:text, "
               "counts:{failed:int, staged:int, offered:int, skipped:int, cancelled:int, "
               "succeeded:int, verifying:int, activating:int, downloading:int, "
               "rolled-back:int, ...}, phases:[{kind:text, count:int|null, phase:int, "
               "state:text, counts:{failed:int, staged:int, offered:int, skipped:int, "
               "cancelled:int, succeeded:int, verifying:int, activating:int, "
               "downloading:int, rolled-back:int, ...}, filter:text|null, soak_s:int, "
               "advance:text, percent:number|null, touched:int, advance_now:bool, "
               "soak_device_h:int, ...}], reason:any, soak_s:int, created:time, "
               "on_stop:text, product:text, release:text, settled:any, touched:int, "
               "approver:text|null, evidence:{...}, group_id:uuid, security:bool, "
               "cap_lifted:bool, release_id:uuid, rolls_back:any, supersedes:uuid|null, "
               "concurrency:int|null, delta_until:any, delta_policy:text, "
               "phase_started:time, superseded_by:any, bytes_per_hour:int|null, "
               "rolled_back_by:any, ...}], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/deployments/:id",
     .answer = "#Deployment"},
    {.method = "GET", .path = "/api/v1/deployments/:id/devices",
     .query = "limit after state",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/deployments/:id/forecast",
     .answer = "{state:text, phase:int, counts:{activating:int, cancelled:int, "
               "downloading:int, failed:int, offered:int, rolled-back:int, skipped:int, "
               "staged:int, succeeded:int, touched:int, verifying:int, ...}, left:int, "
               "asleep:int, under_way:int, ended:int|null, skipped:{runs-it:int, ...}, "
               "bytes:{delta:{devices:int|null, bytes:int, ...}, full:{devices:int|null, "
               "bytes:int, ...}, total:int, ...}, forecast:{likely:time, late:time, "
               "install_s:[int]|null, phases:[{phase:int, devices:int|null, "
               "likely:{begins:time, settles:time, ends:time, ...}, late:{begins:time, "
               "settles:time, ends:time, ...}, waits_for_person:bool, ...}], ...}, ...}"},
    {.method = "GET", .path = "/api/v1/deployments/:id/stuck",
     .query = "limit after",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = "POST", .path = "/device/v1/activate",
     .body = "{deployment:uuid, assignment:int(0,9007199254740991)}",
     .example = "{\"deployment\":\"${deployments}\",\"assignment\":1}",
     .answer = "{go:bool, reason?:text, retry_s?:int(1,604800), ...}"},
    {.method = "POST", .path = "/api/v1/deployments/:id/pause",
     .answer = "{id:uuid, state:text, phase:int, ...}"},
    {.method = "POST", .path = "/api/v1/deployments/:id/resume",
     .answer = "{id:uuid, state:text, phase:int, ...}"},
    {.method = "GET", .path = "/api/v1/deployments/:id/verdicts",
     .query = "limit after",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/deployments/:id/start",
     .names = "draft",
     .answer = "#Deployment",
     .replay = "it has to be a draft; see the story of steering"},
    {.method = "POST", .path = "/api/v1/deployments/:id/advance",
     .body = "{phase?:int(0,49)}",
     .example = "{\"phase\":0}",
     .answer = "#Deployment",
     .replay = "a phase has to wait for a person; see the story of steering"},
    {.method = "POST", .path = "/api/v1/deployments/:id/rollback",
     .answer = "#Deployment",
     .replay = "there has to be a baseline; see the story of the roll back",
     .status = 201},
    {.method = "POST", .path = "/api/v1/deployments/:id/approve",
     .answer = "#Deployment",
     .replay = "a second person does it; see the story of approvals"},
    {.method = NULL},
};
/* clang-format on */
