/* Deployments: started, steered, watched. */
#include <string.h>

#include "lib/base/text.h"
#include "lib/update/state.h"
#include "server/auth/operator.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_deployment.h"
#include "server/worker.h"

enum {
    PHASES_MAX = 32,
    SHARE_MILLI_ALL = 100000, /* 1000 = 1 % */
    SALT_MAX = 64,
    SOAK_S_MAX = 90 * 24 * 3600,
    MIN_FINISHED_MAX = 1000000000,
    FAILED_PERCENT_DEFAULT = 10,
    MIN_FINISHED_DEFAULT = 3,
};

/* Thousandths of a percent, exactly: 12.5 is fine, 0.0001 is not. */
static bool share_milli(const json_t *phase, size_t n, int32_t *out, struct err *err)
{
    static const char *const fields[] = {"percent", NULL};
    double milli = json_number_value(json_object_get(phase, "percent")) * 1000.0;
    double off;

    if (!json_is_object(phase))
        return err_set(err, ERR_INVALID, "field 'phases[%zu]' is not an object", n);
    if (!json_fields_known(phase, "phases[]", fields, err))
        return false;
    *out = milli >= 0.5 && milli < SHARE_MILLI_ALL + 0.5 ? (int32_t)(milli + 0.5) : 0;
    off = milli - *out;
    if (*out == 0 || off > 1e-6 || off < -1e-6)
        return err_set(err, ERR_INVALID,
                       "field 'phases[%zu].percent' is not a number within 0.001 to 100", n);
    return true;
}

static bool phase_shares(const json_t *body, int32_t shares[PHASES_MAX], size_t *count,
                         struct err *err)
{
    json_t *list;

    if (!json_field_array(body, "", "phases", PHASES_MAX, &list, err))
        return false;
    *count = json_array_size(list);
    if (*count == 0)
        return err_set(err, ERR_INVALID, "field 'phases' is empty");
    for (size_t i = 0; i < *count; i++) {
        if (!share_milli(json_array_get(list, i), i, &shares[i], err))
            return false;
        if (i > 0 && shares[i] <= shares[i - 1])
            return err_set(err, ERR_INVALID,
                           "field 'phases[%zu].percent' is not above the one before it", i);
    }
    if (shares[*count - 1] != SHARE_MILLI_ALL)
        return err_set(err, ERR_INVALID, "field 'phases[%zu].percent' is not 100, but the last",
                       *count - 1);
    return true;
}

static bool gate(const json_t *body, struct store_deployment *out, struct err *err)
{
    static const char *const fields[] = {"failed_percent", "min_finished", NULL};
    json_t *object;

    out->failed_percent = FAILED_PERCENT_DEFAULT;
    out->min_finished = MIN_FINISHED_DEFAULT;
    if (!json_object_get(body, "gate"))
        return true;
    return json_field_object(body, "", "gate", &object, err) &&
           json_fields_known(object, "gate", fields, err) &&
           ((input_i64_if(object, "failed_percent", 0, 100, &out->failed_percent, err) &&
             input_i64_if(object, "min_finished", 1, MIN_FINISHED_MAX, &out->min_finished, err)) ||
            err_wrap(err, "gate"));
}

/* Printable, so that anybody can write it down and recompute the places. */
static bool salt(const json_t *body, const char **out, struct err *err)
{
    *out = NULL;
    if (!json_object_get(body, "salt"))
        return true;
    if (!json_field_text(body, "", "salt", SALT_MAX, out, err))
        return false;
    for (const char *c = *out; *c; c++) {
        if (*c < ' ' || *c > '~')
            return err_set(err, ERR_INVALID, "field 'salt' may have printable ASCII only");
    }
    return **out != '\0' || err_set(err, ERR_INVALID, "field 'salt' is empty");
}

/* "update", which is what is meant without it, or "downgrade". */
static bool action(const json_t *body, bool *is_downgrade, struct err *err)
{
    const char *word;

    *is_downgrade = false;
    if (!json_object_get(body, "action"))
        return true;
    if (!json_field_text(body, "", "action", sizeof("downgrade") - 1, &word, err))
        return false;
    *is_downgrade = text_equal(word, "downgrade");
    return *is_downgrade || text_equal(word, "update") ||
           err_set(err, ERR_INVALID, "field 'action' is neither 'update' nor 'downgrade'");
}

void on_deployment_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"group", "release", "phases", "soak_s",
                                         "gate",  "salt",    "action", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    int32_t shares[PHASES_MAX];
    const struct store_actor actor = operator_actor(req);
    struct store_deployment deployment = {.actor = &actor, .shares_milli = shares};
    struct err err;

    if (!input_object(req, fields, &body, &err) ||
        !input_uuid(body, "group", &deployment.group, &err) ||
        !input_uuid(body, "release", &deployment.release, &err) ||
        !phase_shares(body, shares, &deployment.phase_count, &err) ||
        !input_i64_if(body, "soak_s", 0, SOAK_S_MAX, &deployment.soak_s, &err) ||
        !gate(body, &deployment, &err) || !salt(body, &deployment.salt, &err) ||
        !action(body, &deployment.is_downgrade, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_create(worker->db, &deployment, reply_send,
                            reply_new(req, 201, ERR_SYSTEM, "the deployment was not made"));
}

void on_deployment_list(struct http_request *req, void *app)
{
    static const char *const states[] = {"awaiting-approval", "running", "paused", "halted",
                                         "finished",          "aborted", NULL};
    struct worker *worker = app;
    struct store_page page;
    const char *group;
    const char *state;
    struct err err;

    if (!input_page(req, &page, &err) || !input_uuid_query(req, "group", &group, &err) ||
        !input_word_query(req, "state", states, &state, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_list(worker->db, &page, group, state, reply_send, reply_list(req));
}

void on_deployment_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_get(worker->db, req->identity.tenant_id, id, reply_send,
                         reply_new(req, 200, ERR_NOT_FOUND, "there is no such deployment"));
}

void on_deployment_devices(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    const char *state = http_query(req, "state");
    enum update_state known;
    const char *id;
    struct err err = {0};

    if (!input_uuid_param(req, 0, &id, &err) || !input_page(req, &page, &err) ||
        (state && !update_state_parse(state, strlen(state), &known) &&
         !err_set(&err, ERR_INVALID, "parameter 'state' is not a state: '%.40s'", state))) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_devices(worker->db, &page, id, state, reply_send, reply_list(req));
}

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
                          reply_new(req, 200, ERR_NOT_FOUND, "there is no such deployment"));
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
