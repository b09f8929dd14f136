/*
 * The director's repository of one device, and the time for devices without a clock. Only the
 * device itself reads what is for it; asking for the timestamp is what makes the director sign.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/http/range.h"
#include "lib/json/json.h"
#include "lib/tuf/tuf.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/repo/director.h"
#include "server/repo/repo.h"
#include "server/repo/signer.h"
#include "server/store/store_director.h"
#include "server/worker.h"

static void not_there(struct http_request *req)
{
    struct err err;

    (void)err_set(&err, ERR_NOT_FOUND, "there is no such metadata");
    http_answer_error(req, &err);
}

/* The entity tag is the hash of the bytes: the same document is not sent twice. */
static void answer_document(struct http_request *req, const void *data, size_t len, bool changes)
{
    const char *known = http_header(req, "if-none-match");
    uint8_t sha256[HASH_BYTES];
    char etag[HASH_HEX_ROOM];

    hash_sha256(data, len, sha256);
    text_from_hex_bytes(sha256, sizeof(sha256), etag);
    http_answer_header(req, "ETag", arena_printf(req->arena, "\"%s\"", etag));
    http_answer_header(req, "Cache-Control", changes ? "private, no-cache" : "private, immutable");
    if (known && etag_list_has(known, etag))
        http_answer(req, 304, NULL, NULL, 0);
    else
        http_answer(req, 200, "application/json", data, len);
}

/* --- the director's documents -------------------------------------------------------------------
 */

static void on_timestamp(const struct buf *timestamp, const struct err *err, void *arg)
{
    struct http_request *req = arg;

    if (err)
        http_answer_error(req, err);
    else
        answer_document(req, timestamp->data, timestamp->len, true);
}

static void on_part(const struct db_result *result, const struct err *err, void *arg)
{
    struct http_request *req = arg;
    AUTO_BUF bytes;

    buf_init(&bytes, TUF_TARGETS_BYTES_MAX);
    if (err) {
        http_answer_error(req, err);
    } else if (db_rows(result) == 0) {
        not_there(req);
    } else {
        db_bytes_add(result, 0, 0, &bytes);
        answer_document(req, bytes.data, bytes.len, false);
    }
}

/* "17.snapshot.json": its version, and what follows it. False for a name of another form. */
static bool split(const char *name, uint64_t *version, const char **role)
{
    const char *dot = strchr(name, '.');

    *role = dot ? dot + 1 : NULL;
    return dot && text_to_u64(name, (size_t)(dot - name), 1, INT64_MAX, version);
}

static void give_versioned(struct http_request *req, struct worker *worker,
                           const struct repo_view *view, const char *name)
{
    static const struct {
        const char *role;
        enum store_director_part part;
    } parts[] = {{"snapshot.json", STORE_DIRECTOR_SNAPSHOT},
                 {"targets.json", STORE_DIRECTOR_TARGETS}};
    const struct repo_document *root;
    const char *role;
    uint64_t version;

    if (!split(name, &version, &role)) {
        not_there(req);
        return;
    }
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (text_equal(role, parts[i].role)) {
            store_director_part(worker->db, req->identity.subject_id, parts[i].part,
                                (int64_t)version, on_part, req);
            return;
        }
    }
    root = text_equal(role, "root.json") ? repo_view_director_root(view, version) : NULL;
    if (root)
        answer_document(req, root->bytes.data, root->bytes.len, false);
    else
        not_there(req);
}

/* Is the path's device the one that asks? */
static bool is_own(struct http_request *req, const char *device)
{
    struct fleet_facts facts;
    char hex[HASH_HEX_ROOM];

    fleet_device_read(req->identity.device, &facts);
    text_from_hex_bytes(facts.id, sizeof(facts.id), hex);
    return text_equal(hex, device);
}

/* The key that the director's newest root names. */
static bool named_key(const struct repo_view *view, struct tuf_signers *out)
{
    const struct repo_document *root = repo_view_director_root(view, 0);
    const struct tuf_named named = {"root", &root->bytes};
    const struct tuf_published published = {.roles = &named, .count = 1};
    struct err ignored;

    return tuf_signers_of(&published, "timestamp", out, &ignored) && out->count > 0;
}

static void give_timestamp(struct http_request *req, struct worker *worker,
                           const struct repo_view *view)
{
    struct director_place place = {.db = worker->db, .signer = worker->signer};
    struct tuf_signers signers;

    if (!named_key(view, &signers)) {
        not_there(req);
        return;
    }
    place.keyid = signers.keyids[0];
    director_refresh(&place, req->identity.subject_id, on_timestamp, req);
}

void on_director(struct http_request *req, void *app)
{
    struct worker *worker = app;
    AUTO_REPO_VIEW *view = repo_view_of(worker->repo, req->identity.tenant_id);
    const char *name = req->params[2];
    struct err err;

    if (!is_own(req, req->params[1])) {
        (void)err_refuse(&err, REFUSAL_DEVICE_MISMATCH, "this is another device's director");
        err.code = ERR_DENIED;
        http_answer_error(req, &err);
        return;
    }
    if (!view || !text_equal(view->tenant, req->params[0]) || !repo_view_director_root(view, 0))
        not_there(req);
    else if (text_equal(name, "timestamp.json"))
        give_timestamp(req, worker, view);
    else
        give_versioned(req, worker, view, name);
}

/* --- the time -----------------------------------------------------------------------------------
 */

static void on_time_signed(const struct signer_signature *signatures, size_t count,
                           const struct err *err, void *arg)
{
    struct http_request *req = arg;
    const struct buf *body = req->state;
    AUTO_JSON *list = NULL;
    char sig[SIGN_HEX_ROOM];
    struct err own;
    AUTO_BUF answer;

    (void)count; /* one was asked for */
    buf_init(&answer, WIRE_REQUEST_BYTES_MAX);
    if (!err) {
        text_from_hex_bytes(signatures[0].sig, SIGN_BYTES, sig);
        list = json_pack("[{s:s, s:s}]", "keyid", signatures[0].keyid, "sig", sig);
        if (!tuf_join(body, list, &answer, &own))
            err = &own;
    }
    if (err)
        http_answer_error(req, err);
    else
        http_answer(req, 200, "application/json", answer.data, answer.len);
}

/* {"nonce": 64 hex digits, "tenant": its name} */
static bool read_ask(const struct http_request *req, uint8_t nonce[HASH_BYTES],
                     char tenant[WIRE_NAME_ROOM], struct err *err)
{
    static const char *const known[] = {"nonce", "tenant", NULL};
    AUTO_JSON *tree = NULL;
    const char *name;

    return json_parse(req->body, req->body_len, &json_limits_api, &tree, err) &&
           json_fields_known(tree, "", known, err) &&
           json_field_hex(tree, "", "nonce", nonce, HASH_BYTES, err) &&
           json_field_text(tree, "", "tenant", WIRE_NAME_ROOM - 1, &name, err) &&
           text_copy(tenant, WIRE_NAME_ROOM, name);
}

/* A bucket of DEVICE_TIME_PER_S a second and worker: everybody may ask, and each answer costs a
 * signature. */
static bool may_sign_time(struct device_desk *desk)
{
    int64_t second = clock_mono_ms() / 1000;

    if (desk->time_second != second) {
        desk->time_second = second;
        desk->time_count = 0;
    }
    return desk->time_count++ < DEVICE_TIME_PER_S;
}

static struct buf *time_body(struct http_request *req, const uint8_t nonce[HASH_BYTES])
{
    struct buf *body = arena_alloc(req->arena, sizeof(*body));
    char hex[HASH_HEX_ROOM];
    char now[TEXT_TIME_ROOM];
    char *text;

    text_from_hex_bytes(nonce, HASH_BYTES, hex);
    text_from_time(clock_now_ms(), now);
    /* canonical: the keys are in order, and nothing needs an escape */
    text =
        arena_printf(req->arena, "{\"_type\":\"time\",\"nonce\":\"%s\",\"time\":\"%s\"}", hex, now);
    *body = (struct buf){.data = (uint8_t *)text, .len = strlen(text), .max = strlen(text)};
    return body;
}

void on_time(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct signer_request request = {.label = SIGNER_TIME, .device = ""};
    AUTO_REPO_VIEW *view = NULL;
    uint8_t nonce[HASH_BYTES];
    char tenant[WIRE_NAME_ROOM];
    struct buf *body;
    struct err err = {0};

    if (!read_ask(req, nonce, tenant, &err) ||
        (!may_sign_time(desk_of(app)) &&
         !err_set(&err, ERR_UNAVAILABLE, "too many ask for the time"))) {
        http_answer_error(req, &err);
        return;
    }
    view = repo_view_named(worker->repo, tenant);
    if (!view) {
        not_there(req);
        return;
    }
    body = time_body(req, nonce);
    req->state = body;
    request.tenant = view->tenant;
    request.data = body->data;
    request.len = body->len;
    signer_sign(worker->signer, &request, 1, on_time_signed, req);
}
