/* Signed metadata, images, deltas. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_repo[] = {
    {.method = "GET", .path = "/api/v1/repo/status"},
    {.method = "GET", .path = "/api/v1/repo/online-keys"},
    {.method = "GET", .path = "/api/v1/repo/metadata"},
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
     .status = 201},
    {.method = "POST", .path = "/api/v1/repo/requests",
     .body = "{note?:text(0,500), documents:[{repository:'image'|'director', "
             "role:text(1,127), signed:text}], files?:[{path:text(1,255), text:base64}]}",
     .example = "{\"note\":\"version "
                "3\",\"documents\":[{\"repository\":\"image\",\"role\":\"targets\",\"signed\":${signed_4}}]}",
     .keeps = "requests=id",
     .status = 201},
    {.method = "GET", .path = "/api/v1/repo/requests",
     .query = "limit after state"},
    {.method = "GET", .path = "/api/v1/repo/requests/:id"},
    {.method = "POST", .path = "/api/v1/repo/requests/:id/signatures",
     .body = "{documents:[{repository:'image'|'director', role:text(1,127), sha256:hash, "
             "signatures:[{keyid:hash, sig:text(128,128)}]}]}",
     .example = "{\"documents\":[{\"repository\":\"image\",\"role\":\"targets\",\"sha256\":\"${hash_4}\",\"signatures\":${signatures_4}}]}"},
    {.method = "POST", .path = "/api/v1/repo/requests/:id/approve",
     .replay = "a second person does it; see the story of the ceremony"},
    {.method = "POST", .path = "/api/v1/repo/requests/:id/withdraw",
     .names = "open_request"},
    {.method = "PUT", .path = "/api/v1/images/:sha256",
     .names = "images",
     .body = "bytes",
     .replay = "the body is the file; see the story of images",
     .status = 201},
    {.method = "GET", .path = "/api/v1/images",
     .query = "limit after"},
    {.method = "GET", .path = "/api/v1/images/:sha256"},
    {.method = "GET", .path = "/api/v1/deltas",
     .query = "limit after state"},
    {.method = NULL},
};
/* clang-format on */
