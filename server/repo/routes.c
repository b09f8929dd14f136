/* Handlers of the image repository. `app` is the struct worker. */
#include "server/repo/routes.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/http/range.h"
#include "lib/log/log.h"
#include "server/repo/publish.h"
#include "server/worker.h"

static http_handler_fn on_metadata, on_publish, on_online_keys, on_status;

/* clang-format off */
const struct http_route repo_routes[] = {
    {"GET", "/t/:tenant/image/metadata/:name", ACCESS_PUBLIC, ACTION_NONE, 0, false, on_metadata,
     "Signed metadata: `timestamp.json`, `N.root.json`, `N.snapshot.json`, `N.targets.json`"},
    {"POST", "/api/v1/repo/metadata", ACCESS_OPERATOR, ACTION_REPO_PUBLISH, TUF_TARGETS_BYTES_MAX, false,
     on_publish,
     "Publish one signed document, the next root or targets; snapshot and timestamp follow"},
    {"GET", "/api/v1/repo/online-keys", ACCESS_OPERATOR, ACTION_READ, 0, false, on_online_keys,
     "The public halves of this tenant's snapshot and timestamp keys, made at first use"},
    {"GET", "/api/v1/repo/status", ACCESS_OPERATOR, ACTION_READ, 0, false, on_status,
     "Version and expiry of each role, and how many files are signed"},
};
/* clang-format on */
_Static_assert(COUNT(repo_routes) == REPO_ROUTE_COUNT, "the header says how many");

/* --- what devices read -------------------------------------------------------------------------
 */

static void on_metadata(struct http_request *req, void *app)
{
    struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_named(worker->repo, req->params[0]);
    const struct repo_document *document = view ? repo_view_find(view, req->params[1]) : NULL;
    const char *known = http_header(req, "if-none-match");
    struct err err;

    if (!document) {
        (void)err_set(&err, ERR_NOT_FOUND, "there is no such metadata");
        http_answer_error(req, &err);
        return;
    }
    http_answer_header(req, "ETag", arena_printf(req->arena, "\"%s\"", document->etag));
    http_answer_header(req, "Cache-Control",
                       document->role == TUF_TIMESTAMP ? "no-cache"
                                                       : "public, max-age=31536000, immutable");
    if (known && etag_list_has(known, document->etag))
        http_answer(req, 304, NULL, NULL, 0);
    else
        http_answer(req, 200, "application/json", document->bytes.data, document->bytes.len);
}

/* --- publication -------------------------------------------------------------------------------
 */

static void answer_tree(struct http_request *req, int status, json_t *tree)
{
    AUTO_JSON *owned = tree;
    AUTO_FREE char *text = json_text(owned);

    http_answer_json(req, status, text);
}

static json_t *document_json(const struct repo_document *document)
{
    char expires[TEXT_TIME_ROOM];

    if (!document)
        return json_null();
    text_from_time(document->expires_ms, expires);
    return json_pack("{s:I, s:s, s:I}", "version", (json_int_t)document->version, "expires",
                     expires, "length", (json_int_t)document->bytes.len);
}

static void on_published(const struct repo_view *after, const struct repo_change *change,
                         const struct err *err, void *arg)
{
    struct http_request *req = arg;
    json_t *answer;

    if (err) {
        http_answer_error(req, err);
        return;
    }
    answer = json_object();
    for (size_t i = 0; i < change->count; i++) {
        const struct repo_document *document = change->documents[i];

        (void)json_object_set_new(answer, tuf_role_name(document->role), document_json(document));
        LOG_INFO("repo.published", "tenant=%s role=%s version=%llu request=%s", after->tenant,
                 tuf_role_name(document->role), (unsigned long long)document->version, req->id);
    }
    answer_tree(req, 201, answer);
}

static void on_publish(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct repo_place place = {
        .repo = worker->repo, .db = worker->db, .loop = worker->loop, .offload = worker->offload};
    AUTO_BUF document;

    buf_init(&document, TUF_TARGETS_BYTES_MAX);
    buf_add(&document, req->body, req->body_len); /* the route's limit is the same */
    repo_publish(&place, req->identity.tenant_id, &document, on_published, req);
}

/* --- what operators read -----------------------------------------------------------------------
 */

static json_t *key_json(const struct sign_key *key)
{
    char keyid[TUF_KEYID_ROOM];

    tuf_keyid(sign_key_public(key), keyid);
    return json_pack("{s:s, s:o}", "keyid", keyid, "key", tuf_key_json(sign_key_public(key)));
}

static void on_keys(struct repo_keys *keys, const struct err *err, void *arg)
{
    struct http_request *req = arg;

    if (err) {
        http_answer_error(req, err);
        return;
    }
    answer_tree(req, 200,
                json_pack("{s:o, s:o}", "snapshot", key_json(keys->snapshot), "timestamp",
                          key_json(keys->timestamp)));
    repo_keys_done(keys);
}

static void on_online_keys(struct http_request *req, void *app)
{
    struct worker *worker = app;

    repo_keys_get(worker->db, req->identity.tenant_id, on_keys, req);
}

static void on_status(struct http_request *req, void *app)
{
    struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);
    json_t *answer = json_object();

    for (size_t role = 0; role < TUF_ROLE_COUNT; role++)
        (void)json_object_set_new(answer, tuf_role_name((enum tuf_role)role),
                                  document_json(view ? view->newest[role] : NULL));
    (void)json_object_set_new(answer, "files",
                              json_integer(view ? (json_int_t)repo_view_target_count(view) : 0));
    answer_tree(req, 200, answer);
}
