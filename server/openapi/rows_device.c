/* What devices send and read. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_device[] = {
    {.method = "POST", .path = "/device/v1/claim",
     .body = "{public_key:hash, claim:text(1,128), hwid:text(1,128), "
             "signature:text(128,128)}",
     .answer = "{tenant:text, product:text, group:text, device:hash, image_base:text, "
               "director_base?:text, ...}",
     .replay = "the device signs it"},
    {.method = "POST", .path = "/device/v1/session",
     .answer = "{nonce:text, ...}"},
    {.method = "POST", .path = "/device/v1/time",
     .body = "{nonce:hash, tenant:text(1,128)}",
     .example = "{\"nonce\":\"${hash}\",\"tenant\":\"${tenant}\"}",
     .answer = "{signed:any, ...}"},
    {.method = "PUT", .path = "/device/v1/attributes",
     .body = "{*:text(0,256)}",
     .example = "{\"site\":\"berlin\",\"modem\":\"quectel\"}",
     .answer = "{...}"},
    {.method = "POST", .path = "/device/v1/poll",
     .body = "{assignment:int(0,9007199254740991), installed:[hash], "
             "attributes_hash:hash|'', timestamp_expires:time|''}",
     .example = "{\"assignment\":0,\"installed\":[\"${images}\"],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}",
     .answer = "{assignment:int, next_poll_s:int, ...}"},
    {.method = "POST", .path = "/device/v1/report",
     .body = "{epoch:text(32,32), seq:int(1,9007199254740991), ...}",
     .example = "{\"epoch\":\"00112233445566778899aabbccddeeff\",\"seq\":1,\"event\":{\"category\":\"app-crash\",\"class\":\"app\",\"component\":\"player\",\"count\":2,\"start\":\"2026-11-23T01:00:00Z\",\"end\":\"2026-11-23T02:00:00Z\",\"planned\":false,\"image\":\"\",\"signal\":11,\"summary\":\"player "
                "fell over\"}}",
     .answer = "{...}"},
    {.method = "PUT", .path = "/device/v1/attachment/:sha256",
     .names = "sha256",
     .body = "bytes",
     .answer = "{...}",
     .replay = "the group has to collect what an event declared; see the story of reports"},
    {.method = "GET", .path = "/t/:tenant/director/:device/metadata/:name",
     .names = "tenant,device,metadata",
     .answer = "{signed:{...}, signatures:[{keyid:hash, sig:text}]}",
     .replay = "there has to be a director; see its story"},
    {.method = "GET", .path = "/t/:tenant/image/metadata/:name",
     .names = "tenant,metadata",
     .answer = "{signed:{...}, signatures:[{keyid:hash, sig:text}]}"},
    {.method = "GET", .path = "/t/:tenant/image/targets/:path*",
     .names = "tenant,targets",
     .media = "application/octet-stream"},
    {.method = "GET", .path = "/t/:tenant/image/deltas/:sha256",
     .names = "tenant,delta",
     .media = "application/octet-stream",
     .replay = "a delta takes its time; see the story of deltas"},
    {.method = NULL},
};
/* clang-format on */
