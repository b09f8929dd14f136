/* Deployments: made, and looked at. Steering has a file of its own. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/update/state.h"
#include "server/auth/operator.h"
#include "server/operator/deployment_input.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/routes_deployments.h"
#include "server/store/store_deployment.h"
#include "server/worker.h"

enum { STRATA_MAX = 32, GATE_BYTES_MAX = 4096 };

/* --- making -------------------------------------------------------------------------------------
 */

/* Zero stands for "none" in the input, NULL in the database. */
static json_t *number_or_null(int64_t number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *phases_json(const struct deployment_input *input)
{
    json_t *phases = json_array();

    for (size_t i = 0; i < input->phase_count; i++) {
        const struct deployment_phase *phase = &input->phases[i];

        (void)json_array_append_new(
            phases, json_pack("{s:o, s:o, s:s, s:i, s:i, s:s}", "share_milli",
                              number_or_null(phase->share_milli), "device_count",
                              number_or_null(phase->device_count), "filter", phase->filter,
                              "soak_s", phase->soak_s, "soak_device_h", phase->soak_device_h,
                              "advance", phase->is_manual ? "manual" : "auto"));
    }
    return phases;
}

static json_t *gate_json(const struct gate_settings *settings)
{
    static const struct json_limits limits = {GATE_BYTES_MAX, 4, 16, false};
    json_t *gate = NULL;
    struct err err;
    AUTO_BUF text;

    buf_init(&text, GATE_BYTES_MAX);
    gate_settings_format(settings, &text);
    ASSERT(json_parse(buf_text(&text), text.len, &limits, &gate, &err)); /* as we wrote it */
    return gate;
}

/* As store_deployment.h draws it; the caller frees. `start` is as it came. */
static char *rest_text(const struct deployment_input *input, const char *start)
{
    AUTO_JSON *rest =
        json_pack("{s:s?, s:s, s:I, s:o, s:s, s:s?, s:b, s:o, s:o}", "salt", input->salt, "action",
                  input->is_downgrade ? "downgrade" : "update", "soak_s", (json_int_t)input->soak_s,
                  "gate", gate_json(&input->gate), "on_stop", input->on_stop, "start", start,
                  "draft", input->is_draft, "concurrency", number_or_null(input->concurrency),
                  "bytes_per_hour", number_or_null(input->bytes_per_hour));
    AUTO_JSON *more =
        json_pack("{s:s, s:I, s:I, s:I, s:b, s:b, s:s?, s:o}", "delta_policy", input->delta_policy,
                  "delta_deadline_s", (json_int_t)input->delta_deadline_s, "retry_max",
                  (json_int_t)input->retry_max, "retry_after_s", (json_int_t)input->retry_after_s,
                  "security", input->is_security, "supersedes", input->supersedes, "supersedes_id",
                  input->supersedes_id, "phases", phases_json(input));

    (void)json_object_update(rest, more);
    return json_text(rest);
}

void on_deployment_create(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    struct deployment_input input;
    AUTO_JSON *body = NULL;
    AUTO_FREE char *rest = NULL;
    struct err err;

    if (!deployment_input_read(req, &body, &input, &err)) {
        http_answer_error(req, &err);
        return;
    }
    rest = rest_text(&input, json_string_value(json_object_get(body, "start")));
    store_deployment_create(
        worker->db,
        &(struct store_deployment){
            .actor = &actor, .group = input.group, .release = input.release, .rest = rest},
        reply_send, reply_new(req, 201, ERR_SYSTEM, "the deployment was not made"));
}

/* --- looking ------------------------------------------------------------------------------------
 */

void on_deployment_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    const char *group;
    const char *state;
    struct err err;

    if (!input_page(req, &page, &err) || !input_uuid_query(req, "group", &group, &err) ||
        !input_word_query(req, "state", store_deployment_states, &state, &err)) {
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

void on_deployment_verdicts(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_verdicts(worker->db, &page, id, reply_send, reply_list(req));
}

static bool stratum_query(struct http_request *req, int64_t *out, struct err *err)
{
    const char *text = http_query(req, "stratum");
    uint64_t stratum;

    *out = -1;
    if (!text)
        return true;
    if (!text_to_u64(text, strlen(text), 0, STRATA_MAX, &stratum))
        return err_set(err, ERR_INVALID, "parameter 'stratum' is not a number from 0 to %d",
                       STRATA_MAX);
    *out = (int64_t)stratum;
    return true;
}

/* A refusal's name, as devices report it. */
static bool reason_query(struct http_request *req, const char **out, struct err *err)
{
    *out = http_query(req, "reason");
    return !*out ||
           ((*out)[0] != '\0' &&
            (*out)[strspn(*out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0') ||
           err_set(err, ERR_INVALID, "parameter 'reason' is not a name like TARGET_HASH");
}

static bool devices_query(struct http_request *req, struct store_page *page,
                          struct store_deployment_devices *which, struct err *err)
{
    static const char *const verdicts[] = {"success", "failure", "device", "server", NULL};
    enum update_state known;

    which->state = http_query(req, "state");
    if (which->state && !update_state_parse(which->state, strlen(which->state), &known))
        return err_set(err, ERR_INVALID, "parameter 'state' is not a state: '%.40s'", which->state);
    return input_uuid_param(req, 0, &which->id, err) && input_page(req, page, err) &&
           input_word_query(req, "verdict", verdicts, &which->verdict, err) &&
           reason_query(req, &which->reason, err) && stratum_query(req, &which->stratum, err);
}

void on_deployment_devices(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_deployment_devices which;
    struct store_page page;
    struct err err;

    if (!devices_query(req, &page, &which, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_deployment_devices(worker->db, &page, &which, reply_send, reply_list(req));
}
