/* Products, groups, claim tokens, components and devices: what a fleet is made of. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/tuf/tuf.h"
#include "server/auth/operator.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_claim.h"
#include "server/store/store_component.h"
#include "server/store/store_device_view.h"
#include "server/store/store_group.h"
#include "server/store/store_product.h"
#include "server/worker.h"

enum {
    CLAIM_COUNT_MAX = 10000000,   /* as the schema says */
    POLL_INTERVAL_S_MAX = 604800, /* a week, as the schema says */
};
static const int64_t claim_life_ms = 7LL * 24 * 3600 * 1000;
static const int64_t claim_life_ms_max = 3650LL * 24 * 3600 * 1000;

/* --- products ----------------------------------------------------------------------------------
 */

static bool product_hwids(const json_t *body, const char **hwids, size_t *count, struct err *err)
{
    json_t *list;

    if (!json_field_array(body, "", "hwids", TUF_HWIDS_MAX, &list, err))
        return false;
    *count = json_array_size(list);
    if (*count == 0)
        return err_set(err, ERR_INVALID, "field 'hwids' is empty");
    for (size_t i = 0; i < *count; i++) {
        hwids[i] = json_string_value(json_array_get(list, i));
        if (!hwids[i] || !tuf_word_is_safe(hwids[i]))
            return err_set(err, ERR_INVALID, "field 'hwids[%zu]' is not a hardware id", i);
        for (size_t k = 0; k < i; k++) {
            if (text_equal(hwids[i], hwids[k]))
                return err_set(err, ERR_INVALID, "field 'hwids[%zu]' stands there twice", i);
        }
    }
    return true;
}

void on_product_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"name", "hwids", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const char *hwids[TUF_HWIDS_MAX];
    const struct store_actor actor = operator_actor(req);
    struct store_product product = {.actor = &actor, .hwids = hwids};
    struct err err;

    if (!input_object(req, fields, &body, &err) ||
        !input_name(body, "name", "", &product.name, &err) ||
        !product_hwids(body, hwids, &product.hwid_count, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_product_create(
        worker->db, &product, reply_send,
        reply_new(req, 201, ERR_CONFLICT, "a product named '%s' exists already", product.name));
}

void on_product_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_product_list(worker->db, &page, http_query(req, "name"), reply_send, reply_list(req));
}

void on_product_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_product_get(worker->db, req->identity.tenant_id, id, reply_send,
                      reply_new(req, 200, ERR_NOT_FOUND, "there is no such product"));
}

/* --- groups ------------------------------------------------------------------------------------
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

void on_group_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_get(worker->db, req->identity.tenant_id, id, reply_send,
                    reply_new(req, 200, ERR_NOT_FOUND, "there is no such group"));
}

static bool group_change(const json_t *body, struct store_group_change *out, struct err *err)
{
    *out = (struct store_group_change){0};
    if (!input_i64_if(body, "poll_interval_s", 1, POLL_INTERVAL_S_MAX, &out->poll_interval_s, err))
        return false;
    if (json_object_get(body, "update_policy")) {
        if (!json_field_text(body, "", "update_policy", INPUT_NAME_MAX, &out->update_policy, err))
            return false;
        if (!text_equal(out->update_policy, "all") && !text_equal(out->update_policy, "os-only") &&
            !text_equal(out->update_policy, "none"))
            return err_set(err, ERR_INVALID,
                           "field 'update_policy' is not one of 'all', 'os-only', 'none'");
    }
    if (json_object_size(body) == 0)
        return err_set(err, ERR_INVALID, "body: nothing to change");
    return true;
}

void on_group_change(struct http_request *req, void *app)
{
    static const char *const fields[] = {"poll_interval_s", "update_policy", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const struct store_actor actor = operator_actor(req);
    struct store_group_change change;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_object(req, fields, &body, &err) ||
        !group_change(body, &change, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_group_change(worker->db, &actor, id, &change, reply_send,
                       reply_new(req, 200, ERR_NOT_FOUND, "there is no such group"));
}

/* --- claim tokens ------------------------------------------------------------------------------
 */

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
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_claim_list(worker->db, &page, reply_send, reply_list(req));
}

/* --- components --------------------------------------------------------------------------------
 */

void on_component_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"product", "type", "name", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const struct store_actor actor = operator_actor(req);
    struct store_component component = {.actor = &actor};
    struct err err = {0};

    if (!input_object(req, fields, &body, &err) ||
        !input_uuid(body, "product", &component.product, &err) ||
        !json_field_text(body, "", "type", INPUT_NAME_MAX, &component.type, &err) ||
        !input_name(body, "name", "", &component.name, &err) ||
        (!text_equal(component.type, "os") &&
         !err_set(&err, ERR_INVALID, "field 'type' is not 'os', the only type so far"))) {
        http_answer_error(req, &err);
        return;
    }
    store_component_create(
        worker->db, &component, reply_send,
        reply_new(req, 201, ERR_CONFLICT, "the product has a component of type 'os' already"));
}

void on_component_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_component_list(worker->db, &page, http_query(req, "name"), reply_send, reply_list(req));
}

/* --- devices -----------------------------------------------------------------------------------
 */

void on_device_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    const char *group;
    struct err err;

    if (!input_page(req, &page, &err) || !input_uuid_query(req, "group", &group, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_list(worker->db, &page, group, reply_send, reply_list(req));
}

void on_device_director(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_director(
        worker->db, req->identity.tenant_id, device, reply_send,
        reply_new(req, 200, ERR_NOT_FOUND, "the director has signed nothing for such a device"));
}

void on_device_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_get(worker->db, req->identity.tenant_id, device, reply_send,
                     reply_new(req, 200, ERR_NOT_FOUND, "there is no such device"));
}
