/* Errors that devices reported. */
#include "server/openapi/openapi.h"

/* clang-format off */
const struct openapi_row openapi_rows_reports[] = {
    {.method = "GET", .path = "/api/v1/reports",
     .query = "limit after device deployment",
     .ask = "device=${device}"},
    {.method = "GET", .path = "/api/v1/events",
     .query = "limit after group release issue device image category class since until "
              "format"},
    {.method = "GET", .path = "/api/v1/events/daily",
     .query = "since until group image category"},
    {.method = "GET", .path = "/api/v1/quarantine",
     .query = "limit after"},
    {.method = "GET", .path = "/api/v1/issues",
     .query = "limit after state category product release component image",
     .keeps = "issues=items.0.id"},
    {.method = "GET", .path = "/api/v1/issues/:id"},
    {.method = "PATCH", .path = "/api/v1/issues/:id",
     .body = "{note?:text(0,1000), assignee?:text(0,63)}",
     .example = "{\"note\":\"the codec again\",\"assignee\":\"kim\"}"},
    {.method = "POST", .path = "/api/v1/issues/:id/ignore"},
    {.method = "POST", .path = "/api/v1/issues/:id/reopen"},
    {.method = "POST", .path = "/api/v1/issues/:id/resolve",
     .body = "{note?:text(0,1000), release?:uuid}",
     .example = "{\"note\":\"fixed by 2.1\"}"},
    {.method = "GET", .path = "/api/v1/attachments/:device/:sha256",
     .names = "device,sha256",
     .media = "application/octet-stream",
     .replay = "there has to be one; see the story of reports"},
    {.method = "PUT", .path = "/api/v1/symbols/:sha256",
     .body = "bytes",
     .replay = "the body is the file; see the story of reports",
     .status = 201},
    {.method = "GET", .path = "/api/v1/symbols",
     .query = "limit after"},
    {.method = NULL},
};
/* clang-format on */
