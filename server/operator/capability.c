/* What a device may do for at most a month: asked for by a person, with a reason. */
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/fleet.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_capability.h"
#include "server/worker.h"

static const int64_t life_ms_max = 30LL * 24 * 3600 * 1000;

static bool read_capability(const json_t *body, int64_t now_ms, struct store_capability *out,
                            struct err *err)
{
    if (!json_field_text(body, "", "name", INPUT_NAME_MAX, &out->name, err) ||
        !json_field_time(body, "", "expires", &out->expires_ms, err) ||
        !input_reason(body, "reason", &out->reason, err))
        return false;
    if (!text_equal(out->name, "debug-shell") && !text_equal(out->name, "sideload"))
        return err_set(err, ERR_INVALID, "field 'name' is not one of 'debug-shell', 'sideload'");
    return (out->expires_ms > now_ms && out->expires_ms <= now_ms + life_ms_max) ||
           err_set(err, ERR_INVALID, "field 'expires' is not within the next 30 days");
}

void on_capability_issue(struct http_request *req, void *app)
{
    static const char *const fields[] = {"name", "expires", "reason", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t device[HASH_BYTES];
    struct store_capability capability = {.actor = &actor, .device = device};
    AUTO_JSON *body = NULL;
    struct err err;

    if (!input_hash_param(req, 0, device, &err) || !input_object(req, fields, &body, &err) ||
        !read_capability(body, clock_now_ms(), &capability, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_capability_issue(worker->db, &capability, reply_send,
                           reply_new(req, 201, ERR_NOT_FOUND, "there is no such device"));
}

static void list(struct http_request *req, struct worker *worker, const uint8_t *device)
{
    static const char *const words[] = {"true", "false", NULL};
    struct store_page page;
    const char *past;
    struct err err;

    if (!input_page(req, &page, &err) || !input_word_query(req, "past", words, &past, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_capability_list(worker->db, &page, device, past && text_equal(past, "true"), reply_send,
                          reply_list(req));
}

void on_capability_list(struct http_request *req, void *app)
{
    list(req, app, NULL);
}

void on_device_capabilities(struct http_request *req, void *app)
{
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    list(req, app, device);
}

void on_capability_revoke(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_empty(req, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_capability_revoke(worker->db, &actor, id, reply_send,
                            reply_new(req, 200, ERR_NOT_FOUND, "there is no such capability"));
}
