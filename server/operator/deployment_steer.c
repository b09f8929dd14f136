/* Deployments: the moves that people make. */
#include "server/auth/operator.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/routes_deployments.h"
#include "server/store/store_deployment.h"
#include "server/worker.h"

enum { PHASE_MAX = 50 };

static const char no_such[] = "there is no such deployment";

static void move(struct http_request *req, struct worker *worker, enum store_deployment_move what)
{
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_move(worker->db, &actor, id, what, reply_send,
                          reply_new(req, 200, ERR_NOT_FOUND, "%s", no_such));
}

void on_deployment_start(struct http_request *req, void *app)
{
    move(req, app, DEPLOYMENT_START);
}

void on_deployment_approve(struct http_request *req, void *app)
{
    move(req, app, DEPLOYMENT_APPROVE);
}

void on_deployment_pause(struct http_request *req, void *app)
{
    move(req, app, DEPLOYMENT_PAUSE);
}

void on_deployment_resume(struct http_request *req, void *app)
{
    move(req, app, DEPLOYMENT_RESUME);
}

void on_deployment_abort(struct http_request *req, void *app)
{
    move(req, app, DEPLOYMENT_ABORT);
}

/* The body may be left out. */
static bool phase_said(struct http_request *req, int64_t *out, struct err *err)
{
    static const char *const fields[] = {"phase", NULL};
    AUTO_JSON *body = NULL;

    *out = 0;
    return req->body_len == 0 || (input_object(req, fields, &body, err) &&
                                  input_i64_if(body, "phase", 1, PHASE_MAX, out, err));
}

void on_deployment_advance(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    int64_t phase;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !phase_said(req, &phase, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_advance(worker->db, &actor, id, phase, reply_send,
                             reply_new(req, 200, ERR_NOT_FOUND, "%s", no_such));
}

void on_deployment_rollback(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_roll_back(worker->db, &actor, id, reply_send,
                               reply_new(req, 201, ERR_NOT_FOUND, "%s", no_such));
}
