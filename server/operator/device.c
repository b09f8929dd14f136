/* Devices as they are looked at. */
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_device_view.h"
#include "server/worker.h"

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
