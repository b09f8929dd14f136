/* Webhooks. The secret is drawn here, shown in the answer, and never again. */
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "server/auth/operator.h"
#include "server/config.h"
#include "server/limits.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/routes_webhook.h"
#include "server/store/store_webhook.h"
#include "server/webhook/message.h"
#include "server/webhook/target.h"
#include "server/worker.h"

enum { EVENTS_MAX = 32 };

static bool may_point_inside(const struct worker *worker)
{
    return worker->config && worker->config->webhook_private;
}

static bool read_events(const json_t *body, const char **out, size_t *count, struct err *err)
{
    json_t *list;

    if (!json_field_array(body, "", "events", EVENTS_MAX, &list, err))
        return false;
    *count = json_array_size(list);
    if (*count == 0)
        return err_set(err, ERR_INVALID, "field 'events' is empty");
    for (size_t i = 0; i < *count; i++) {
        out[i] = json_string_value(json_array_get(list, i));
        if (!out[i] || !webhook_event_is_known(out[i]))
            return err_set(err, ERR_INVALID, "field 'events[%zu]' is not the name of an event", i);
    }
    return true;
}

static bool read_template(const json_t *body, const char **out, struct err *err)
{
    enum webhook_template template;

    if (!json_field_text(body, "", "template", 16, out, err))
        return false;
    return webhook_template_parse(*out, &template) ||
           err_set(err, ERR_INVALID, "field 'template' is not json, email or chat");
}

static bool read_url(const json_t *body, const struct worker *worker, const char **out,
                     struct err *err)
{
    return json_field_text(body, "", "url", WEBHOOK_URL_MAX, out, err) &&
           webhook_target_check(*out, may_point_inside(worker), err);
}

void on_webhook_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"url", "events", "template", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const char *events[EVENTS_MAX];
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    char shown[2 * WEBHOOK_SECRET_BYTES + 1];
    struct store_webhook webhook = {.actor = operator_actor(req),
                                    .events = events,
                                    .template = "json",
                                    .secret = secret,
                                    .most = WEBHOOKS_MAX};
    struct reply *reply;
    struct err err;

    if (!input_object(req, fields, &body, &err) || !read_url(body, worker, &webhook.url, &err) ||
        !read_events(body, events, &webhook.event_count, &err) ||
        (json_object_get(body, "template") && !read_template(body, &webhook.template, &err))) {
        http_answer_error(req, &err);
        return;
    }
    crypto_random(secret, sizeof(secret));
    text_from_hex_bytes(secret, sizeof(secret), shown);
    reply = reply_new(req, 201, ERR_SYSTEM, "the database made no webhook");
    reply_set_secret(reply, "secret", shown);
    store_webhook_create(worker->db, &webhook, reply_send, reply);
    crypto_wipe(secret, sizeof(secret));
    crypto_wipe(shown, sizeof(shown));
}

static struct reply *reply_webhook(struct http_request *req)
{
    return reply_new(req, 200, ERR_NOT_FOUND, "there is no such webhook");
}

void on_webhook_change(struct http_request *req, void *app)
{
    static const char *const fields[] = {"url", "events", "template", "enabled", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const char *events[EVENTS_MAX];
    bool is_enabled;
    struct store_webhook webhook = {.actor = operator_actor(req), .events = events};
    struct err err;

    if (!input_uuid_param(req, 0, &webhook.id, &err) || !input_object(req, fields, &body, &err) ||
        (json_object_get(body, "url") && !read_url(body, worker, &webhook.url, &err)) ||
        (json_object_get(body, "events") &&
         !read_events(body, events, &webhook.event_count, &err)) ||
        (json_object_get(body, "template") && !read_template(body, &webhook.template, &err)) ||
        (json_object_get(body, "enabled") &&
         !json_field_bool(body, "", "enabled", &is_enabled, &err))) {
        http_answer_error(req, &err);
        return;
    }
    if (json_object_get(body, "enabled"))
        webhook.is_enabled = &is_enabled;
    store_webhook_change(worker->db, &webhook, reply_send, reply_webhook(req));
}

void on_webhook_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_webhook_list(worker->db, &page, reply_send, reply_list(req));
}

void on_webhook_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_webhook_get(worker->db, req->identity.tenant_id, id, reply_send, reply_webhook(req));
}

void on_webhook_remove(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_webhook_remove(worker->db, &actor, id, reply_send, reply_webhook(req));
}

/* --- deliveries --------------------------------------------------------------------------------
 */

void on_webhook_test(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_webhook_test(worker->db, &actor, id, reply_send,
                       reply_new(req, 202, ERR_NOT_FOUND, "there is no such webhook"));
}

void on_webhook_deliveries(struct http_request *req, void *app)
{
    static const char *const states[] = {"queued", "delivered", "dead", NULL};
    struct worker *worker = app;
    struct store_page page;
    const char *id;
    const char *state;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_page(req, &page, &err) ||
        !input_word_query(req, "state", states, &state, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_webhook_deliveries(worker->db, &page, id, state, reply_send, reply_webhook(req));
}

void on_webhook_redeliver(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    const char *delivery;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_uuid_param(req, 1, &delivery, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_webhook_redeliver(worker->db, &actor, id, delivery, reply_send,
                            reply_new(req, 202, ERR_NOT_FOUND, "there is no such delivery"));
}
