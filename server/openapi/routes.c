/* The text is made when the first one asks, and is then the same until the process ends. */
#include "server/openapi/routes.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/http/range.h"
#include "server/openapi/openapi.h"

static http_handler_fn on_openapi;

const struct http_route openapi_routes[OPENAPI_ROUTE_COUNT] = {
    {
        .method = "GET",
        .path = "/api/v1/openapi.json",
        .access = ACCESS_PUBLIC,
        .handler = on_openapi,
        .summary = "These interfaces as an OpenAPI 3.1 document.",
    },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char *text; /* written once; kept */
static size_t text_len;
static char etag[HASH_BYTES * 2 + 1];

static void make(void)
{
    AUTO_JSON *document = openapi_document();
    uint8_t hash[HASH_BYTES];

    text = json_text(document);
    text_len = strlen(text);
    hash_sha256(text, text_len, hash);
    text_from_hex_bytes(hash, 16, etag);
}

static void on_openapi(struct http_request *req, void *app)
{
    const char *known = http_header(req, "if-none-match");

    (void)app;
    (void)pthread_once(&once, make);
    http_answer_header(req, "ETag", arena_printf(req->arena, "\"%s\"", etag));
    http_answer_header(req, "Cache-Control", "public, max-age=300");
    if (known && etag_list_has(known, etag))
        http_answer(req, 304, NULL, NULL, 0);
    else
        http_answer(req, 200, "application/json", text, text_len);
}
