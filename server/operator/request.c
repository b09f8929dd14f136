/* Requests: publications that wait for offline signatures. The work is server/repo's. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/repo/request_job.h"
#include "server/store/store_repo_request.h"
#include "server/worker.h"

/* What an answer needs; in the request's arena. */
struct asked {
    struct http_request *req;
    int status;
    char public_id[INPUT_UUID_LEN + 1];
};

static struct asked *asked_new(struct http_request *req, int status, const char *public_id)
{
    struct asked *asked = arena_alloc(req->arena, sizeof(*asked));

    asked->req = req;
    asked->status = status;
    (void)text_copy(asked->public_id, sizeof(asked->public_id), public_id); /* a uuid fits */
    return asked;
}

static struct repo_request_ask ask_of(const struct asked *asked, const struct worker *worker)
{
    const struct http_request *req = asked->req;

    return (struct repo_request_ask){.place = repo_place_of(worker),
                                     .actor = operator_actor(req),
                                     .public_id = asked->public_id,
                                     .body = req->body,
                                     .len = req->body_len};
}

static void answer(const struct repo_view *view, const struct repo_request *request,
                   const struct err *err, void *arg)
{
    struct asked *asked = arg;
    AUTO_JSON *tree = NULL;
    AUTO_FREE char *text = NULL;

    if (err) {
        http_answer_error(asked->req, err);
        return;
    }
    tree = repo_request_json(view, request, asked->public_id);
    text = json_text(tree);
    http_answer_json(asked->req, asked->status, text);
}

void on_request_create(struct http_request *req, void *app)
{
    struct asked *asked = asked_new(req, 201, "");
    struct repo_request_ask ask = ask_of(asked, app);

    repo_request_create(&ask, asked->public_id, answer, asked);
}

/* The ways that begin with the request as it is. */
static void go_on(struct http_request *req, const struct worker *worker,
                  void (*way)(const struct repo_request_ask *, repo_request_fn *, void *))
{
    struct repo_request_ask ask;
    struct asked *asked;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    asked = asked_new(req, 200, id);
    ask = ask_of(asked, worker);
    way(&ask, answer, asked);
}

void on_request_get(struct http_request *req, void *app)
{
    go_on(req, app, repo_request_load);
}

void on_request_sign(struct http_request *req, void *app)
{
    go_on(req, app, repo_request_sign);
}

void on_request_approve(struct http_request *req, void *app)
{
    go_on(req, app, repo_request_approve);
}

void on_request_withdraw(struct http_request *req, void *app)
{
    const struct store_actor actor = operator_actor(req);
    const struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_repo_request_withdraw(worker->db, &actor, id, reply_send,
                                reply_new(req, 200, ERR_NOT_FOUND, "there is no such request"));
}

void on_request_list(struct http_request *req, void *app)
{
    static const char *const states[] = {"open", "awaiting-approval", "published", "withdrawn",
                                         NULL};
    const struct worker *worker = app;
    struct store_page page;
    const char *state;
    struct err err;

    if (!input_page(req, &page, &err) || !input_word_query(req, "state", states, &state, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_repo_request_list(worker->db, &page, state, reply_send, reply_list(req));
}
