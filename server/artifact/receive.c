/* Until receive_begin() nothing of the body is read: a refusal costs the client no bytes. */
#include "server/artifact/receive.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/artifact/upload.h"

struct receive {
    struct http_request *req;
    struct offload *offload;
    const struct artifact_store *store;
    uint8_t sha256[HASH_BYTES];
    struct artifact_upload *upload; /* while the body comes or is written */
    bool is_receiving;
    bool is_gone; /* the client left */
    void (*done)(const struct err *err, void *arg);
    void *arg;
};

static void answer_nobody(struct receive *receive)
{
    struct err err;

    (void)err_set(&err, ERR_UNAVAILABLE, "the client left");
    http_answer_error(receive->req, &err);
}

static void on_client_gone(void *arg)
{
    struct receive *receive = arg;

    receive->is_gone = true;
    if (!receive->is_receiving)
        return; /* the step under way answers when it ends */
    artifact_upload_abort(TAKE(receive->upload));
    answer_nobody(receive);
}

struct receive *receive_new(struct http_request *req, struct offload *offload,
                            const struct artifact_store *store, const uint8_t sha256[HASH_BYTES])
{
    struct receive *receive = arena_alloc(req->arena, sizeof(*receive));

    *receive = (struct receive){.req = req, .offload = offload, .store = store};
    memcpy(receive->sha256, sha256, HASH_BYTES);
    req->on_gone = on_client_gone;
    req->gone_arg = receive;
    return receive;
}

static void on_uploaded(const struct err *err, void *arg)
{
    struct receive *receive = arg;

    receive->upload = NULL;
    receive->is_receiving = false;
    receive->done(err, receive->arg);
}

static void on_room(void *arg)
{
    struct receive *receive = arg;

    http_stream_pause(receive->req, false);
}

static void on_piece(struct http_request *req, const void *data, size_t len, bool last, void *arg)
{
    struct receive *receive = arg;

    if (!receive->upload)
        return; /* it failed and was answered; the rest is not wanted */
    if (!artifact_upload_write(receive->upload, data, len) && !last)
        http_stream_pause(req, true);
    if (!last)
        return;
    receive->is_receiving = false;
    artifact_upload_finish(receive->upload);
}

void receive_begin(struct receive *receive, uint64_t length,
                   void (*done)(const struct err *err, void *arg), void *arg)
{
    struct artifact_upload_plan plan = {
        .store = receive->store,
        .offload = receive->offload,
        .loop = receive->req->loop,
        .length = length,
        .on_room = on_room,
        .on_done = on_uploaded,
        .arg = receive,
    };
    struct err err;

    if (receive->is_gone) {
        answer_nobody(receive);
        return;
    }
    if (receive->req->content_length != length) {
        (void)err_set(&err, ERR_INVALID, "Content-Length is %" PRIu64 ", expected is %" PRIu64,
                      receive->req->content_length, length);
        http_answer_error(receive->req, &err);
        return;
    }
    receive->done = done;
    receive->arg = arg;
    memcpy(plan.sha256, receive->sha256, HASH_BYTES);
    receive->upload = artifact_upload_new(&plan);
    receive->is_receiving = true;
    http_stream_body(receive->req, on_piece, receive);
}
