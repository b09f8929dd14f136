/* Claim tokens: with one, so many devices join a group. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/crypto/token.h"
#include "server/auth/operator.h"
#include "server/operator/fleet.h"
#include "server/operator/handlers.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_claim.h"
#include "server/worker.h"

enum { CLAIM_COUNT_MAX = 10000000 }; /* as the schema says */
static const int64_t claim_life_ms = 7LL * 24 * 3600 * 1000;
static const int64_t claim_life_ms_max = 3650LL * 24 * 3600 * 1000;

static bool claim_life(const json_t *body, int64_t now_ms, int64_t *expires_ms, struct err *err)
{
    *expires_ms = now_ms + claim_life_ms;
    if (!json_object_get(body, "expires"))
        return true;
    if (!json_field_time(body, "", "expires", expires_ms, err))
        return false;
    if (*expires_ms <= now_ms || *expires_ms > now_ms + claim_life_ms_max)
        return err_set(err, ERR_INVALID, "field 'expires' is not within the next ten years");
    return true;
}

void on_claim_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"group", "count", "expires", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const struct store_actor actor = operator_actor(req);
    struct store_claim claim = {.actor = &actor, .count = 1};
    char token[TOKEN_ROOM];
    struct reply *reply;
    struct err err;

    if (!input_object(req, fields, &body, &err) || !input_uuid(body, "group", &claim.group, &err) ||
        !input_i64_if(body, "count", 1, CLAIM_COUNT_MAX, &claim.count, &err) ||
        !claim_life(body, clock_now_ms(), &claim.expires_ms, &err)) {
        http_answer_error(req, &err);
        return;
    }
    token_make(token);
    token_digest(token, strlen(token), claim.digest);
    reply = reply_new(req, 201, ERR_NOT_FOUND, "there is no such group");
    reply_set_token(reply, token);
    store_claim_create(worker->db, &claim, reply_send, reply);
    crypto_wipe(token, sizeof(token));
}

void on_claim_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    const char *product, *group;
    struct err err;

    if (!input_page(req, &page, &err) || !input_uuid_query(req, "product", &product, &err) ||
        !input_uuid_query(req, "group", &group, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_claim_list(worker->db, &page, product, group, reply_send, reply_list(req));
}

void on_claim_revoke(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_empty(req, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_claim_revoke(worker->db, &actor, id, reply_send,
                       reply_new(req, 200, ERR_NOT_FOUND, "there is no such claim token"));
}
