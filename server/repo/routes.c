/* Handlers of the repositories. `app` is the struct worker. */
#include "server/repo/routes.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/http/range.h"
#include "lib/log/log.h"
#include "server/auth/operator.h"
#include "server/repo/publish.h"
#include "server/repo/signer.h"
#include "server/repo/status.h"
#include "server/store/store_audit.h"
#include "server/worker.h"

static http_handler_fn on_metadata, on_publish, on_publication, on_online_keys, on_next_key,
    on_status;
static http_handler_fn on_index, on_pull;

/* clang-format off */
const struct http_route repo_routes[] = {
    {"GET", "/t/:tenant/image/metadata/:name", ACCESS_PUBLIC, ACTION_NONE, 0, false, on_metadata,
     "Signed metadata: `timestamp.json`, `N.root.json`, `N.snapshot.json`, `N.ROLE.json`"},
    {"GET", "/api/v1/repo/metadata", ACCESS_OPERATOR, ACTION_READ, 0, false, on_index,
     "The current document of every role of both repositories: name, version, hash"},
    {"GET", "/api/v1/repo/metadata/:repository/:name", ACCESS_OPERATOR, ACTION_READ, 0, false, on_pull,
     "A document as it was signed. `image` or `director`; a file's name, or a role's for its newest"},
    {"POST", "/api/v1/repo/metadata", ACCESS_OPERATOR, ACTION_REPO_PUBLISH, TUF_TARGETS_BYTES_MAX, false,
     on_publish,
     "Publish one signed document, the next of its role; snapshot and timestamp follow. `?role=` of"
     " a delegated one, `?repository=director` for the director's root"},
    {"POST", "/api/v1/repo/publications", ACCESS_OPERATOR, ACTION_REPO_PUBLISH, REPO_BUNDLE_BYTES_MAX, false,
     on_publication,
     "Publish `{documents:[{repository, role, text}], files:[{path, text}]}` at once, verified in"
     " this order; all or nothing"},
    {"GET", "/api/v1/repo/online-keys", ACCESS_OPERATOR, ACTION_READ, 0, false, on_online_keys,
     "The public halves of this tenant's snapshot, timestamp, director and time keys, made at first use"},
    {"POST", "/api/v1/repo/online-keys/:label", ACCESS_OPERATOR, ACTION_REPO_PUBLISH, 0, false,
     on_next_key,
     "Make the key that shall take the place of `snapshot`, `timestamp`, `director` or `time`, and"
     " say its public half; it does when a root that names it is published, that of the time at"
     " once"},
    {"GET", "/api/v1/repo/status", ACCESS_OPERATOR, ACTION_READ, 0, false, on_status,
     "Each role's version and expiry with a warning, who has to sign it, and what a thief could do"},
};
/* clang-format on */
_Static_assert(COUNT(repo_routes) == REPO_ROUTE_COUNT, "the header says how many");

/* --- what devices read -------------------------------------------------------------------------
 */

static void answer_missing(struct http_request *req)
{
    struct err err;

    (void)err_set(&err, ERR_NOT_FOUND, "there is no such metadata");
    http_answer_error(req, &err);
}

static void answer_document(struct http_request *req, const struct repo_document *document,
                            const char *cache_control)
{
    const char *known = http_header(req, "if-none-match");

    http_answer_header(req, "ETag", arena_printf(req->arena, "\"%s\"", document->etag));
    http_answer_header(req, "Cache-Control", cache_control);
    if (known && etag_list_has(known, document->etag))
        http_answer(req, 304, NULL, NULL, 0);
    else
        http_answer(req, 200, "application/json", document->bytes.data, document->bytes.len);
}

static void on_metadata(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_named(worker->repo, req->params[0]);
    const struct repo_document *document =
        view ? repo_view_find(view, REPO_IMAGE, req->params[1]) : NULL;

    if (document)
        answer_document(req, document,
                        text_equal(document->role, "timestamp")
                            ? "no-cache"
                            : "public, max-age=31536000, immutable");
    else
        answer_missing(req);
}

/* --- publication -------------------------------------------------------------------------------
 */

static void answer_tree(struct http_request *req, int status, json_t *tree)
{
    AUTO_JSON *owned = tree;
    AUTO_FREE char *text = json_text(owned);

    http_answer_json(req, status, text);
}

/* {"root":{...}, "os-demo":{...}}; the director's root is "director/root". */
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
        const char *name = document->repository == REPO_IMAGE
                               ? document->role
                               : arena_printf(req->arena, "director/%s", document->role);

        (void)json_object_set_new(answer, name, repo_document_json(document));
        LOG_INFO("repo.published", "tenant=%s role=%s version=%llu request=%s", after->tenant, name,
                 (unsigned long long)document->version, req->id);
    }
    answer_tree(req, 201, answer);
}

/* What the query says; else the role is what the document says of itself. */
static bool role_of(struct http_request *req, enum repo_kind *kind, const char **role,
                    struct err *err)
{
    const char *repository = http_query(req, "repository");
    struct tuf_facts facts;

    *kind = REPO_IMAGE;
    if (repository && !repo_kind_parse(repository, kind))
        return err_set(err, ERR_INVALID, "parameter 'repository' is 'image' or 'director'");
    *role = http_query(req, "role");
    if (*role)
        return repo_role_is_named(*role, err);
    if (!tuf_peek(req->body, req->body_len, &facts, err))
        return false;
    *role = tuf_role_name(facts.role);
    return true;
}

static void on_publish(struct http_request *req, void *app)
{
    const struct repo_place place = repo_place_of(app);
    AUTO_REPO_BUNDLE bundle = {0};
    const struct repo_source source = {.bundle = &bundle, .actor = operator_actor(req)};
    enum repo_kind kind;
    const char *role = NULL;
    struct err err;

    if (!role_of(req, &kind, &role, &err)) {
        http_answer_error(req, &err);
        return;
    }
    repo_bundle_of(kind, role, req->body, req->body_len, &bundle);
    repo_publish(&place, &source, on_published, req);
}

static void on_publication(struct http_request *req, void *app)
{
    const struct repo_place place = repo_place_of(app);
    const struct repo_source source = {.body = req->body ? req->body : (const uint8_t *)"",
                                       .len = req->body_len,
                                       .actor = operator_actor(req)};

    repo_publish(&place, &source, on_published, req);
}

/* --- what operators read -----------------------------------------------------------------------
 */

static void on_index(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);

    answer_tree(req, 200, repo_index_json(view));
}

static void on_pull(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);
    const struct repo_document *document = NULL;
    const char *name = req->params[1];
    enum repo_kind kind;

    if (view && repo_kind_parse(req->params[0], &kind)) {
        document = repo_view_find(view, kind, name);
        if (!document)
            document = repo_view_newest(view, kind, name);
    }
    if (document)
        answer_document(req, document, "no-cache");
    else
        answer_missing(req);
}

static json_t *key_json(const uint8_t *public_key)
{
    char keyid[TUF_KEYID_ROOM];

    tuf_keyid(public_key, keyid);
    return json_pack("{s:s, s:o}", "keyid", keyid, "key", tuf_key_json(public_key));
}

static void on_keys(const struct signer_keys *keys, const struct err *err, void *arg)
{
    struct http_request *req = arg;
    json_t *answer;

    if (err) {
        http_answer_error(req, err);
        return;
    }
    answer = json_object();
    for (unsigned i = 0; i < SIGNER_LABEL_COUNT; i++)
        (void)json_object_set_new(answer, signer_label_name((enum signer_label)i),
                                  key_json(keys->public_key[i]));
    answer_tree(req, 200, answer);
}

static void on_online_keys(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);
    struct err err;

    if (view) {
        signer_keys(worker->signer, view->tenant, on_keys, req);
        return;
    }
    (void)err_set(&err, ERR_UNAVAILABLE, "the tenant's repository is not read yet");
    http_answer_error(req, &err);
}

static void on_next(const struct signer_keys *keys, const struct err *err, void *arg)
{
    struct http_request *req = arg;
    enum signer_label label;

    ASSERT(signer_label_parse(req->params[0], &label)); /* was asked for by it */
    if (err)
        http_answer_error(req, err);
    else
        answer_tree(req, 201,
                    key_json(label == SIGNER_TIME ? keys->public_key[label] : keys->next[label]));
}

/* The key is not made in the database, so the audit has it before it is made. */
static void on_next_noted(const struct db_result *result, const struct err *err, void *arg)
{
    struct http_request *req = arg;
    const struct worker *worker = req->state;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);
    enum signer_label label;

    (void)result;
    ASSERT(view && signer_label_parse(req->params[0], &label)); /* as before it was noted */
    if (err)
        http_answer_error(req, err);
    else
        signer_next(worker->signer, view->tenant, label, on_next, req);
}

static void on_next_key(struct http_request *req, void *app)
{
    const struct store_actor actor = operator_actor(req);
    const struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);
    enum signer_label label;
    struct err err;

    if (signer_label_parse(req->params[0], &label) && view) {
        req->state = app;
        store_audit_note(worker->db, &actor, "repo.key",
                         arena_printf(req->arena, "key %s", signer_label_name(label)),
                         on_next_noted, req);
        return;
    }
    (void)err_set(&err, view ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "there is no such key");
    http_answer_error(req, &err);
}

static void on_status(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);

    answer_tree(req, 200, repo_status_json(view, clock_now_ms()));
}
