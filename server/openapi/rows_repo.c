/* Signed metadata, images, deltas. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_repo[] = {
    {.method = "GET", .path = "/api/v1/repo/status",
     .answer = "{root:{version:int|null, expires:time|null, length:int, ...}, "
               "timestamp:{version:int|null, expires:time|null, length:int, ...}, "
               "snapshot:{version:int|null, expires:time|null, length:int, ...}, "
               "targets:{version:int|null, expires:time|null, length:int, ...}, "
               "files:int, roles:[{version:int|null, expires:time|null, length:int, "
               "repository:text, role:text, days_left:int, warning:any, keyids:[hash], "
               "threshold:int|null, thief:text, ...}], ...}"},
    {.method = "GET", .path = "/api/v1/repo/online-keys",
     .answer = "{snapshot:#Key, timestamp:#Key, director:#Key, time:#Key, ...}"},
    {.method = "GET", .path = "/api/v1/repo/metadata",
     .answer = "{documents:[{version:int|null, expires:time|null, length:int, "
               "repository:text, role:text, name:text, sha256:hash, ...}], ...}"},
    {.method = "GET", .path = "/api/v1/repo/metadata/:repository/:name",
     .names = "repository,metadata",
     .answer = "{signed:{...}, signatures:[{keyid:hash, sig:text}]}"},
    {.method = "POST", .path = "/api/v1/repo/metadata",
     .query = "role repository",
     .body = "{signed:{...}, signatures:[{keyid:hash, sig:text}]}",
     .example = "${signed_2}",
     .answer = "{*:{version:int, expires:time, ...}}",
     .status = 201},
    {.method = "POST", .path = "/api/v1/repo/publications",
     .body = "{documents:[{repository:'image'|'director', role:text(1,127), text:text}], "
             "files?:[{path:text(1,255), text:base64}]}",
     .example = "{\"documents\":[{\"repository\":\"image\",\"role\":\"targets\",\"text\":${text_3}}]}",
     .answer = "{*:{version:int, expires:time, ...}}",
     .status = 201},
    {.method = "POST", .path = "/api/v1/repo/online-keys/:label",
     .answer = "#Key",
     .status = 201},
    {.method = "POST", .path = "/api/v1/repo/requests",
     .body = "{note?:text(0,500), documents:[{repository:'image'|'director', "
             "role:text(1,127), signed:text}], files?:[{path:text(1,255), text:base64}]}",
     .example = "{\"note\":\"version "
                "3\",\"documents\":[{\"repository\":\"image\",\"role\":\"targets\",\"signed\":${signed_4}}]}",
     .answer = "#Request",
     .keeps = "requests=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/repo/requests",
     .query = "limit after state",
     .answer = "{items:[{id:uuid, state:text, note:text, author:text, "
               "approver:text|null, created:time, ended:time|null, "
               "documents:[{repository:text, role:text, version:int|null, ...}], ...}], "
               "next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/repo/requests/:id",
     .answer = "#Request"},
    {.method = "POST", .path = "/api/v1/repo/requests/:id/signatures",
     .body = "{documents:[{repository:'image'|'director', role:text(1,127), sha256:hash, "
             "signatures:[{keyid:hash, sig:text(128,128)}]}]}",
     .example = "{\"documents\":[{\"repository\":\"image\",\"role\":\"targets\",\"sha256\":\"${hash_4}\",\"signatures\":${signatures_4}}]}",
     .answer = "#Request"},
    {.method = "POST", .path = "/api/v1/repo/requests/:id/approve",
     .answer = "#Request",
     .replay = "a second person does it; see the story of the ceremony"},
    {.method = "POST", .path = "/api/v1/repo/requests/:id/withdraw",
     .answer = "#Request",
     .replay = "it ends what signatures would publish; see the story of the ceremony"},
    {.method = "PUT", .path = "/api/v1/images/:sha256",
     .names = "images",
     .body = "bytes",
     .answer = "#Image",
     .replay = "the body is the file; see the story of images",
     .status = 201},
    {.method = "GET", .path = "/api/v1/images",
     .query = "limit after",
     .answer = "{items:[#Image], next:text|null, ...}"},
    {.method = "GET", .path = "/api/v1/images/:sha256",
     .answer = "#Image"},
    {.method = "PUT", .path = "/api/v1/images/:sha256/sbom",
     .body = "{...}",
     .example = "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{\"type\":\"library\",\"name\":\"zlib\",\"version\":\"1.3\"}]}",
     .answer = "{image:hash|null, format:text, version:text|null, packages:int, "
               "length:int, sha256:hash, stored:time, ...}"},
    {.method = "GET", .path = "/api/v1/images/:sha256/sbom",
     .answer = "{bomFormat:text, specVersion:text, components:[{type:text, name:text, "
               "version:text|null, ...}], ...}"},
    {.method = "GET", .path = "/api/v1/artifacts/:sha256/why",
     .names = "images",
     .answer = "{sha256:hash, path:text, version:text|null, length:int, state:text, "
               "unneeded:any, removed:time|null, goes:any, reasons:[{reason:text|null, "
               "detail:text, ...}], ...}"},
    {.method = "POST", .path = "/api/v1/artifacts/:sha256/lock",
     .names = "images",
     .body = "{reason:text(1,200)}",
     .example = "{\"reason\":\"court order\"}",
     .answer = "{sha256:hash, path:text, locked:time|null, reason:text|null, ...}"},
    {.method = "POST", .path = "/api/v1/artifacts/:sha256/unlock",
     .names = "images",
     .answer = "{sha256:hash, path:text, locked:time|null, reason:any, ...}"},
    {.method = "GET", .path = "/api/v1/deltas",
     .query = "limit after state",
     .answer = "{items:[any], next:text|null, ...}"},
    {.method = NULL},
};
/* clang-format on */
