/* Why an image's bytes are kept, and locks that keep them. */
#include "server/auth/operator.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/routes_artifact.h"
#include "server/store/store_collect.h"
#include "server/worker.h"

static struct reply *reply_artifact(struct http_request *req)
{
    return reply_new(req, 200, ERR_NOT_FOUND, "there is no image with this hash");
}

void on_artifact_why(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t sha256[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, sha256, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_artifact_why(worker->db, req->identity.tenant_id, sha256, reply_send,
                       reply_artifact(req));
}

void on_artifact_lock(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t sha256[HASH_BYTES];
    AUTO_JSON *body = NULL;
    const char *reason;
    struct err err;

    if (!input_hash_param(req, 0, sha256, &err) || !reason_input_read(req, &body, &reason, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_artifact_lock(worker->db, &actor, sha256, reason, reply_send, reply_artifact(req));
}

void on_artifact_unlock(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t sha256[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, sha256, &err) || !input_empty(req, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_artifact_lock(worker->db, &actor, sha256, NULL, reply_send, reply_artifact(req));
}
