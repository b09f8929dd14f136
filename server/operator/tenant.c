/* Tenants: made by another one's administrator, and how far one person may go alone in one. */
#include <string.h>

#include "server/auth/operator.h"
#include "server/operator/handlers.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_tenant.h"
#include "server/worker.h"

enum { APPROVAL_DEVICES_MAX = 1000000000 };

/* As the schema: a tenant's name is a path segment of its repository's address. */
static bool tenant_name(const json_t *body, const char **out, struct err *err)
{
    const char *name;

    if (!input_name(body, "name", "", &name, err))
        return false;
    if (name[0] == '-' || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return err_set(err, ERR_INVALID,
                       "field 'name' may have a-z, 0-9 and '-', which is not the first, only");
    *out = name;
    return true;
}

void on_tenant_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"name", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const struct store_actor actor = operator_actor(req);
    char token[TOKEN_OPERATOR_ROOM];
    struct store_secret secret;
    struct reply *reply;
    const char *name = "";
    struct err err;

    if (!input_object(req, fields, &body, &err) || !tenant_name(body, &name, &err)) {
        http_answer_error(req, &err);
        return;
    }
    input_new_token(token, &secret);
    reply = reply_new(req, 201, ERR_CONFLICT, "a tenant named '%s' exists already", name);
    reply_set_token(reply, token);
    store_tenant_create(worker->db, &actor, name, &secret, reply_send, reply);
    crypto_wipe(token, sizeof(token));
}

void on_tenant_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_tenant_list(worker->db, &page, http_query(req, "name"), reply_send, reply_list(req));
}

void on_settings_get(struct http_request *req, void *app)
{
    struct worker *worker = app;

    store_tenant_settings(worker->db, req->identity.tenant_id, reply_send,
                          reply_new(req, 200, ERR_SYSTEM, "the tenant is gone"));
}

/* A missing one leaves *out alone. */
static bool flag_if(const json_t *body, const char *name, int *out, struct err *err)
{
    bool value;

    if (!json_object_get(body, name))
        return true;
    if (!json_field_bool(body, "", name, &value, err))
        return false;
    *out = value;
    return true;
}

static bool settings_change(const json_t *body, struct store_tenant_change *out, struct err *err)
{
    *out = (struct store_tenant_change){
        .approval_devices = -1, .approval_changes = -1, .updates_stopped = -1, .reason = ""};
    if (!input_i64_if(body, "approval_devices", 0, APPROVAL_DEVICES_MAX, &out->approval_devices,
                      err) ||
        !flag_if(body, "approval_changes", &out->approval_changes, err) ||
        !flag_if(body, "updates_stopped", &out->updates_stopped, err))
        return false;
    if (json_object_get(body, "reason") && !input_reason(body, "reason", &out->reason, err))
        return false;
    if (out->reason[0] && out->updates_stopped != 1)
        return err_set(err, ERR_INVALID,
                       "field 'reason' says why updates are stopped, and they "
                       "are not by this");
    if (json_object_size(body) == 0)
        return err_set(err, ERR_INVALID, "body: nothing to change");
    return true;
}

void on_settings_change(struct http_request *req, void *app)
{
    static const char *const fields[] = {"approval_devices", "approval_changes", "updates_stopped",
                                         "reason", NULL};
    const struct store_actor actor = operator_actor(req);
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    struct store_tenant_change change;
    struct err err;

    if (!input_object(req, fields, &body, &err) || !settings_change(body, &change, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_tenant_change(worker->db, &actor, &change, reply_send,
                        reply_new(req, 200, ERR_SYSTEM, "the tenant is gone"));
}
