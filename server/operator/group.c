/* Groups: made, described, held, deleted. */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "server/auth/operator.h"
#include "server/operator/fleet.h"
#include "server/operator/group_input.h"
#include "server/operator/handlers.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_group.h"
#include "server/worker.h"

/* --- looking -----------------------------------------------------------------------------------
 */

static void list_groups(struct http_request *req, struct worker *worker, const char *product)
{
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_list(worker->db, &page, product, http_query(req, "name"), reply_send,
                     reply_list(req));
}

void on_product_groups(struct http_request *req, void *app)
{
    const char *product;
    struct err err;

    if (!input_uuid_param(req, 0, &product, &err)) {
        http_answer_error(req, &err);
        return;
    }
    list_groups(req, app, product);
}

void on_group_list(struct http_request *req, void *app)
{
    const char *product;
    struct err err;

    if (!input_uuid_query(req, "product", &product, &err)) {
        http_answer_error(req, &err);
        return;
    }
    list_groups(req, app, product);
}

static struct reply *reply_group(struct http_request *req)
{
    return reply_new(req, 200, ERR_NOT_FOUND, "there is no such group");
}

void on_group_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_get(worker->db, req->identity.tenant_id, id, reply_send, reply_group(req));
}

/* --- changing ----------------------------------------------------------------------------------
 */

void on_group_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {
        "product",     "name",        "poll_interval_s", "update_policy",  "feed",
        "crash_dumps", "maintenance", "concurrency",     "bytes_per_hour", NULL};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    AUTO_JSON *body = NULL;
    AUTO_FREE char *properties = NULL;
    const char *product, *name;
    struct err err;

    if (!input_object(req, fields, &body, &err) || !input_uuid(body, "product", &product, &err) ||
        !input_name(body, "name", "", &name, &err) || !group_properties_check(body, &err)) {
        http_answer_error(req, &err);
        return;
    }
    properties = json_text(body);
    store_group_create(
        worker->db, &actor, properties, reply_send,
        reply_new(req, 201, ERR_CONFLICT, "the product has a group named '%s' already", name));
}

static bool read_change(struct http_request *req, const char **id, json_t **body, struct err *err)
{
    if (!input_uuid_param(req, 0, id, err) || !input_object(req, group_property_names, body, err) ||
        !group_properties_check(*body, err))
        return false;
    return json_object_size(*body) > 0 || err_set(err, ERR_INVALID, "body: nothing to change");
}

void on_group_change(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    AUTO_JSON *body = NULL;
    AUTO_FREE char *properties = NULL;
    const char *id;
    struct err err;

    if (!read_change(req, &id, &body, &err)) {
        http_answer_error(req, &err);
        return;
    }
    properties = json_text(body);
    store_group_change(worker->db, &actor, id, properties, reply_send, reply_group(req));
}

void on_group_delete(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_delete(worker->db, &actor, id, reply_send, reply_group(req));
}

void on_group_hold(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    AUTO_JSON *body = NULL;
    struct store_hold hold;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) ||
        !hold_input_read(req, clock_now_ms(), &body, &hold, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_hold(worker->db, &actor, id, &hold, reply_send, reply_group(req));
}

void on_group_unhold(struct http_request *req, void *app)
{
    static const struct store_hold none = {0, ""};
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_empty(req, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_hold(worker->db, &actor, id, &none, reply_send, reply_group(req));
}
