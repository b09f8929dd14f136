/* Products and their components: what a fleet is made of. */
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "server/auth/operator.h"
#include "server/operator/fleet.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_component.h"
#include "server/store/store_product.h"
#include "server/worker.h"

/* --- products ----------------------------------------------------------------------------------
 */

static bool product_hwids(const json_t *body, const char *field, const char **hwids, size_t *count,
                          struct err *err)
{
    json_t *list;

    if (!json_field_array(body, "", field, TUF_HWIDS_MAX, &list, err))
        return false;
    *count = json_array_size(list);
    if (*count == 0)
        return err_set(err, ERR_INVALID, "field '%s' is empty", field);
    for (size_t i = 0; i < *count; i++) {
        hwids[i] = json_string_value(json_array_get(list, i));
        if (!hwids[i] || !tuf_word_is_safe(hwids[i]))
            return err_set(err, ERR_INVALID, "field '%s[%zu]' is not a hardware id", field, i);
        for (size_t k = 0; k < i; k++) {
            if (text_equal(hwids[i], hwids[k]))
                return err_set(err, ERR_INVALID, "field '%s[%zu]' stands there twice", field, i);
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
        !product_hwids(body, "hwids", hwids, &product.hwid_count, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_product_create(
        worker->db, &product, reply_send,
        reply_new(req, 201, ERR_CONFLICT, "a product named '%s' exists already", product.name));
}

void on_product_change(struct http_request *req, void *app)
{
    static const char *const fields[] = {"name", "add_hwids", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const char *hwids[TUF_HWIDS_MAX];
    const struct store_actor actor = operator_actor(req);
    struct store_product change = {.actor = &actor, .hwids = hwids};
    const char *id;
    struct err err = {0};

    if (!input_uuid_param(req, 0, &id, &err) || !input_object(req, fields, &body, &err) ||
        (json_object_get(body, "name") && !input_name(body, "name", "", &change.name, &err)) ||
        (json_object_get(body, "add_hwids") &&
         !product_hwids(body, "add_hwids", hwids, &change.hwid_count, &err)) ||
        (json_object_size(body) == 0 && !err_set(&err, ERR_INVALID, "body: nothing to change"))) {
        http_answer_error(req, &err);
        return;
    }
    store_product_change(worker->db, id, &change, TUF_HWIDS_MAX, reply_send,
                         reply_new(req, 200, ERR_NOT_FOUND, "there is no such product"));
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
        (!text_equal(component.type, "os") && !text_equal(component.type, "app") &&
         !err_set(&err, ERR_INVALID, "field 'type' is not one of 'os', 'app'"))) {
        http_answer_error(req, &err);
        return;
    }
    store_component_create(
        worker->db, &component, reply_send,
        text_equal(component.type, "os")
            ? reply_new(req, 201, ERR_CONFLICT, "the product has a component of type 'os' already")
            : reply_new(req, 201, ERR_CONFLICT, "the product has an app named '%s' already",
                        component.name));
}

void on_component_list(struct http_request *req, void *app)
{
    static const char *const types[] = {"os", "app", NULL};
    struct worker *worker = app;
    struct store_page page;
    const char *type, *product;
    struct err err;

    if (!input_page(req, &page, &err) || !input_word_query(req, "type", types, &type, &err) ||
        !input_uuid_query(req, "product", &product, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_component_list(worker->db, &page,
                         &(struct store_component_filter){http_query(req, "name"), type, product},
                         reply_send, reply_list(req));
}
