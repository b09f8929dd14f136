/* What an image is made of: taken when its form is known, given back as it came. */
#include "server/auth/operator.h"
#include "server/limits.h"
#include "server/operator/fleet.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/sbom_input.h"
#include "server/store/store_sbom.h"
#include "server/worker.h"

void on_sbom_put(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const struct store_actor actor = operator_actor(req);
    uint8_t image[HASH_BYTES];
    struct store_sbom sbom = {.actor = &actor, .image = image};
    struct sbom found = {0};
    struct err err;

    if (!input_hash_param(req, 0, image, &err) ||
        !sbom_parse(req->body, req->body_len, &found, &err)) {
        http_answer_error(req, &err);
        return;
    }
    sbom.format = found.format;
    sbom.version = found.version;
    sbom.packages = (int64_t)found.packages;
    sbom.document = req->body;
    sbom.len = req->body_len;
    store_sbom_put(worker->db, &sbom, reply_send,
                   reply_new(req, 200, ERR_NOT_FOUND, "there is no such image"));
}

static void on_found(const struct db_result *result, const struct err *err, void *arg)
{
    struct http_request *req = arg;
    struct err none;
    AUTO_BUF document;

    buf_init(&document, SBOM_BYTES_MAX);
    if (err) {
        http_answer_error(req, err);
    } else if (db_rows(result) == 0) {
        (void)err_set(&none, ERR_NOT_FOUND, "the image has no such document");
        http_answer_error(req, &none);
    } else {
        db_bytes_add(result, 0, 1, &document);
        http_answer(req, 200, sbom_media_type(db_text(result, 0, 0)), document.data, document.len);
    }
}

void on_sbom_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t image[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, image, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_sbom_get(worker->db, req->identity.tenant_id, image, on_found, req);
}
