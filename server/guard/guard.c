/*
 * An ETag is "VERSION-HASH" where operators change the thing, else "HASH", of the answer's bytes.
 * If-None-Match looks at all of it, If-Match at the version alone: what devices do to an object
 * (being seen, reporting) is no lost update. The version is read before the body is: an update in
 * between makes the tag too old, never too new.
 */
#include "server/guard/guard.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/http/range.h"
#include "server/guard/internal.h"
#include "server/store/store_once.h"

enum { TAG_HASH_BYTES = 16, VERSION_DIGITS_MAX = 19 };

/* --- which objects have versions ---------------------------------------------------------------
 */

/* clang-format off */
static const struct {
    const char *path;
    const char *kind; /* the first word of the audit's object; the path's first parameter follows */
} versioned[] = {
    {"/api/v1/tenant",               "tenant"},
    {"/api/v1/groups/:id",           "group"},
    {"/api/v1/devices/:device",      "device"},
    {"/api/v1/devices/:device/tags", "device"},
    {"/api/v1/issues/:id",           "issue"},
    {"/api/v1/freezes/:id",          "freeze"},
    {"/api/v1/webhooks/:id",         "webhook"},
};
/* clang-format on */

const char *guard_kind_of(const char *path)
{
    for (size_t i = 0; i < COUNT(versioned); i++) {
        if (text_equal(versioned[i].path, path))
            return versioned[i].kind;
    }
    return NULL;
}

/* The number before the '-' of one tag; 0 when it is none. Moves behind the tag. */
static size_t tag_version(const char **at)
{
    const char *open = *at;
    size_t len;

    if (*open != '"')
        return 0;
    *at = strchr(open + 1, '"');
    if (!*at)
        return 0;
    (*at)++;
    len = strspn(open + 1, "0123456789");
    return len <= VERSION_DIGITS_MAX && open[1 + len] == '-' ? len : 0;
}

const char *guard_versions(const struct http_request *req)
{
    const char *at = http_header(req, "if-match");
    const char *out = "";

    if (!at || text_equal(at, "*"))
        return "";
    for (; *at; at += strspn(at, " ,")) {
        const char *tag = at;
        size_t len = tag_version(&at);

        if (at == tag || !at)
            break;
        if (len > 0)
            out = arena_printf(req->arena, "%s%s%.*s", out, out[0] ? "," : "", (int)len, tag + 1);
    }
    return out[0] ? out : NULL;
}

/* --- ETag --------------------------------------------------------------------------------------
 */

struct tagging {
    struct http_request *req;
    int64_t version; /* -1: it has none */
};

static void tag(struct http_request *req, const struct http_answer *answer, void *arg)
{
    const struct tagging *tagging = arg;
    const char *known = http_header(req, "if-none-match");
    uint8_t hash[HASH_BYTES];
    char text[TAG_HASH_BYTES * 2 + 1];
    const char *etag = text;

    if (answer->status != 200 || !answer->content_type ||
        !text_equal(answer->content_type, "application/json")) {
        http_answer(req, answer->status, answer->content_type, answer->body, answer->len);
        return;
    }
    hash_sha256(answer->body, answer->len, hash);
    text_from_hex_bytes(hash, TAG_HASH_BYTES, text);
    if (tagging->version >= 0)
        etag = arena_printf(req->arena, "%lld-%s", (long long)tagging->version, text);
    http_answer_header(req, "ETag", arena_printf(req->arena, "\"%s\"", etag));
    if (known && etag_list_has(known, etag))
        http_answer(req, 304, NULL, NULL, 0);
    else
        http_answer(req, 200, answer->content_type, answer->body, answer->len);
}

static void on_version(const struct db_result *result, const struct err *err, void *arg)
{
    struct tagging *tagging = arg;

    if (err) {
        http_answer_error(tagging->req, err);
        return;
    }
    tagging->version = db_i64(result, 0, 0);
    http_capture(tagging->req, tag, tagging);
    http_proceed(tagging->req);
}

static bool before_get(struct http_request *req, struct worker *worker)
{
    struct tagging *tagging = arena_alloc(req->arena, sizeof(*tagging));
    const char *kind = guard_kind_of(req->route->path);

    tagging->req = req;
    tagging->version = -1;
    if (!kind) {
        http_capture(req, tag, tagging);
        return true;
    }
    store_version(worker->db, req->identity.tenant_id, kind, req->params[0] ? req->params[0] : "",
                  on_version, tagging);
    return false;
}

/* --- in front of the handlers ------------------------------------------------------------------
 */

static bool before_change(struct http_request *req)
{
    struct err err;

    if (!http_header(req, "if-match"))
        return true;
    if (!guard_kind_of(req->route->path))
        (void)err_set(&err, ERR_STALE, "nothing at this path has versions for If-Match");
    else if (!guard_versions(req))
        (void)err_set(&err, ERR_STALE, "If-Match names no version of this");
    else
        return true;
    http_answer_error(req, &err);
    return false;
}

bool guard_before(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *key;

    if (req->route->access != ACCESS_OPERATOR)
        return true;
    switch (req->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return req->route->streamed || before_get(req, worker);
    case HTTP_PUT:
    case HTTP_PATCH:
    case HTTP_DELETE:
        return before_change(req);
    case HTTP_POST:
        key = http_header(req, "idempotency-key");
        if (!key)
            return before_change(req);
        once_begin(req, key, worker);
        return false;
    }
    return true;
}
