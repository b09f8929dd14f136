/* What devices said, and what the deltas between images weigh. */
#include <string.h>

#include "lib/base/text.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_delta_view.h"
#include "server/store/store_report_view.h"
#include "server/worker.h"

/* "DEVICE.EPOCH.SEQ", as the last page's `next` has it. */
static bool report_cursor(const char *text, struct store_report_page *out, struct err *err)
{
    const char *epoch = text ? strchr(text, '.') : NULL;
    const char *seq = epoch ? strchr(epoch + 1, '.') : NULL;
    uint64_t device;
    uint64_t number;

    if (!text)
        return true;
    if (!seq || !text_to_u64(text, (size_t)(epoch - text), 0, INT64_MAX, &device) ||
        !text_to_hex_bytes(epoch + 1, (size_t)(seq - epoch - 1), out->after_epoch,
                           STORE_REPORT_EPOCH_BYTES) ||
        !text_to_u64(seq + 1, strlen(seq + 1), 0, INT64_MAX, &number))
        return err_set(err, ERR_INVALID, "parameter 'after' is not the 'next' of a page");
    out->after_device = (int64_t)device;
    out->after_seq = (int64_t)number;
    return true;
}

static bool report_page(struct http_request *req, struct store_report_page *out, struct err *err)
{
    *out = (struct store_report_page){.tenant_id = req->identity.tenant_id};
    return input_limit(req, &out->limit, err) && report_cursor(http_query(req, "after"), out, err);
}

void on_report_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *device = http_query(req, "device");
    const char *deployment;
    uint8_t device_id[HASH_BYTES];
    struct store_report_page page;
    struct err err = {0};

    if (!report_page(req, &page, &err) || !input_uuid_query(req, "deployment", &deployment, &err) ||
        (device && !text_to_hex_bytes(device, strlen(device), device_id, HASH_BYTES) &&
         !err_set(&err, ERR_INVALID, "parameter 'device' is not 64 lower-case hex digits")) ||
        (!device && !deployment &&
         !err_set(&err, ERR_INVALID, "parameter 'device' or 'deployment' is needed"))) {
        http_answer_error(req, &err);
        return;
    }
    store_report_list(worker->db, &page, device ? device_id : NULL, deployment, reply_send,
                      reply_list(req));
}

void on_delta_list(struct http_request *req, void *app)
{
    static const char *const states[] = {"queued", "running",   "kept", "dropped",
                                         "failed", "collected", NULL};
    struct worker *worker = app;
    struct store_page page;
    const char *state;
    struct err err;

    if (!input_page(req, &page, &err) || !input_word_query(req, "state", states, &state, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_delta_list(worker->db, &page, state, reply_send, reply_list(req));
}
