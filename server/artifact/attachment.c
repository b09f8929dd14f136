/*
 * Attachments of events: a device brings what an event of it declared, if its group agreed to give
 * such files away; operators read them, which is audited.
 */
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/artifact/receive.h"
#include "server/artifact/routes.h"
#include "server/auth/operator.h"
#include "server/store/store_attachment.h"
#include "server/worker.h"

struct attachment {
    struct http_request *req;
    struct worker *worker;
    struct receive *receive;
    uint8_t sha256[HASH_BYTES];
};

static bool read_hash(const struct http_request *req, size_t n, uint8_t out[HASH_BYTES],
                      struct err *err)
{
    const char *text = req->params[n];

    return text_to_hex_bytes(text, strlen(text), out, HASH_BYTES) ||
           err_set(err, ERR_INVALID, "the id in the path is not 64 lower-case hex digits");
}

static void refuse(struct http_request *req, enum err_code code, const char *text)
{
    struct err err;

    (void)err_set(&err, code, "%s", text);
    http_answer_error(req, &err);
}

/* --- from a device -----------------------------------------------------------------------------
 */

static void on_noted(const struct db_result *result, const struct err *err, void *arg)
{
    const struct attachment *attachment = arg;

    (void)result;
    if (err)
        http_answer_error(attachment->req, err);
    else
        http_answer_json(attachment->req, 200, "{}");
}

static void on_received(const struct err *err, void *arg)
{
    struct attachment *attachment = arg;

    if (err) {
        http_answer_error(attachment->req, err);
        return;
    }
    store_attachment_stored(attachment->worker->db, attachment->req->identity.subject_id,
                            attachment->sha256, on_noted, attachment);
}

static void on_expected(const struct db_result *result, const struct err *err, void *arg)
{
    struct attachment *attachment = arg;
    struct store_attachment_expected expected;

    if (err) {
        http_answer_error(attachment->req, err);
        return;
    }
    if (db_rows(result) == 0) {
        refuse(attachment->req, ERR_NOT_FOUND, "no event of this device declared such a file");
        return;
    }
    store_attachment_expected_read(result, &expected);
    if (!expected.is_agreed)
        refuse(attachment->req, ERR_DENIED, "the device's group does not collect crash dumps");
    else if (expected.is_stored)
        http_answer_json(attachment->req, 200, "{}"); /* nothing to send */
    else if (expected.is_too_many)
        refuse(attachment->req, ERR_DENIED, "the device has sent its files of the day");
    else
        receive_begin(attachment->receive, expected.length, on_received, attachment);
}

void on_attachment_put(struct http_request *req, void *app)
{
    struct attachment *attachment = arena_alloc(req->arena, sizeof(*attachment));
    struct err err;

    *attachment = (struct attachment){.req = req, .worker = app};
    if (!read_hash(req, 0, attachment->sha256, &err)) {
        http_answer_error(req, &err);
        return;
    }
    attachment->receive = receive_new(req, attachment->worker->offload,
                                      attachment->worker->attachments, attachment->sha256);
    store_attachment_expect(attachment->worker->db, req->identity.subject_id, attachment->sha256,
                            on_expected, attachment);
}

/* --- to an operator ----------------------------------------------------------------------------
 */

static void on_audited(const struct db_result *result, const struct err *err, void *arg)
{
    const struct attachment *attachment = arg;
    struct http_request *req = attachment->req;
    char etag[HASH_HEX_ROOM];
    struct err lost;
    uint64_t size;
    int fd;

    if (err) {
        http_answer_error(req, err);
    } else if (db_rows(result) == 0) {
        refuse(req, ERR_NOT_FOUND, "there is no such attachment, or not any more");
    } else if (!artifact_store_read(attachment->worker->attachments, attachment->sha256, &fd, &size,
                                    &lost)) {
        LOG_ERROR("attachment.missing", "request=%s error=%s", req->id, lost.text);
        http_answer_error(req, &lost);
    } else {
        text_from_hex_bytes(attachment->sha256, HASH_BYTES, etag);
        http_answer_file(req, fd, size, etag, "application/octet-stream", "private, no-store");
    }
}

void on_attachment_get(struct http_request *req, void *app)
{
    struct attachment *attachment = arena_alloc(req->arena, sizeof(*attachment));
    const struct store_actor actor = operator_actor(req);
    uint8_t device[HASH_BYTES];
    struct err err;

    *attachment = (struct attachment){.req = req, .worker = app};
    if (!read_hash(req, 0, device, &err) || !read_hash(req, 1, attachment->sha256, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_attachment_read(attachment->worker->db, &actor, device, attachment->sha256, on_audited,
                          attachment);
}
