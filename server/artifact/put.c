/*
 * An upload: the signed metadata must name the file, a product must have its component, and only
 * then is the body taken (and 100-continue sent). It is answered after file and row are durable.
 *
 * The client may leave at any moment. The request is answered all the same, which then only
 * frees it: while the body comes, at once; later, when the step under way ends.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/artifact/routes.h"
#include "server/artifact/upload.h"
#include "server/auth/operator.h"
#include "server/repo/repo.h"
#include "server/store/store_image.h"
#include "server/worker.h"

struct put {
    struct http_request *req;
    struct worker *worker;
    struct store_actor actor;
    struct repo_view *view; /* what `target` is in */
    const struct tuf_target *target;
    struct artifact_upload *upload; /* while the body comes or is written */
    bool receiving;
    bool gone; /* the client left */
};

static struct store_image image_of(struct put *put)
{
    const struct tuf_target *target = put->target;
    struct store_image image;

    ASSERT(target);
    put->actor = operator_actor(put->req);
    image = (struct store_image){
        .actor = &put->actor,
        .type = target->type,
        .name = target->name,
        .length = target->length,
        .version = target->version,
        .hwids = target->hwids,
        .hwid_count = target->hwid_count,
        .release_counter = target->release_counter,
        .security_epoch = target->security_epoch,
    };

    store_signed_of(target, put->req->arena, &image.entry);
    return image;
}

static void answer_err(struct put *put, const struct err *err)
{
    repo_view_unref(put->view);
    http_answer_error(put->req, err);
}

static void answer_image(struct put *put, int status, const char *json)
{
    repo_view_unref(put->view);
    http_answer_json(put->req, status, json);
}

static void on_added(const struct db_result *result, const struct err *err, void *arg)
{
    struct put *put = arg;

    if (err) {
        answer_err(put, err);
        return;
    }
    LOG_INFO("artifact.image_stored", "path=%s length=%" PRIu64 " request=%s", put->target->path,
             put->target->length, put->req->id);
    answer_image(put, 201, db_text(result, 0, 0));
}

/* What is signed of it may have changed while the bytes came. */
static void look_again(struct put *put)
{
    struct repo_view *view = repo_view_of(put->worker->repo, put->view->tenant_id);
    const struct tuf_target *target = view ? repo_view_target(view, put->target->sha256) : NULL;

    if (!target || !text_equal(target->path, put->target->path)) {
        repo_view_unref(view);
        return;
    }
    repo_view_unref(put->view);
    put->view = view;
    put->target = target;
}

static void on_uploaded(const struct err *err, void *arg)
{
    struct put *put = arg;
    struct store_image image;

    put->upload = NULL;
    put->receiving = false;
    if (err) {
        answer_err(put, err);
        return;
    }
    look_again(put);
    image = image_of(put);
    store_image_add(put->worker->db, &image, on_added, put);
}

static void on_room(void *arg)
{
    struct put *put = arg;

    http_stream_pause(put->req, false);
}

static void on_piece(struct http_request *req, const void *data, size_t len, bool last, void *arg)
{
    struct put *put = arg;

    if (!put->upload)
        return; /* it failed and was answered; the rest is not wanted */
    if (!artifact_upload_write(put->upload, data, len) && !last)
        http_stream_pause(req, true);
    if (!last)
        return;
    put->receiving = false;
    artifact_upload_finish(put->upload);
}

static void answer_nobody(struct put *put)
{
    struct err err;

    (void)err_set(&err, ERR_UNAVAILABLE, "the client left");
    answer_err(put, &err);
}

static void on_client_gone(void *arg)
{
    struct put *put = arg;

    put->gone = true;
    if (!put->receiving)
        return; /* the step under way answers when it ends */
    artifact_upload_abort(TAKE(put->upload));
    answer_nobody(put);
}

static void receive(struct put *put)
{
    struct artifact_upload_plan plan = {
        .store = put->worker->artifacts,
        .offload = put->worker->offload,
        .loop = put->worker->loop,
        .length = put->target->length,
        .on_room = on_room,
        .on_done = on_uploaded,
        .arg = put,
    };

    memcpy(plan.sha256, put->target->sha256, HASH_BYTES);
    put->upload = artifact_upload_new(&plan);
    put->receiving = true;
    http_stream_body(put->req, on_piece, put);
}

/* Its file may be lost all the same, with a disk or a careless hand: then it is taken again. */
static bool has_file(const struct put *put)
{
    uint64_t size;
    struct err err;
    int fd;

    if (!artifact_store_read(put->worker->artifacts, put->target->sha256, &fd, &size, &err))
        return false;
    (void)close(fd); /* it was only looked at */
    return size == put->target->length;
}

static void on_expected(const struct db_result *result, const struct err *err, void *arg)
{
    struct put *put = arg;

    if (err)
        answer_err(put, err);
    else if (!db_is_null(result, 0, 0) && has_file(put))
        answer_image(put, 200, db_text(result, 0, 0)); /* stored already, nothing to send */
    else if (put->gone)
        answer_nobody(put);
    else
        receive(put);
}

static bool find_target(struct put *put, struct err *err)
{
    struct http_request *req = put->req;
    uint8_t sha256[HASH_BYTES];

    if (!text_to_hex_bytes(req->params[0], strlen(req->params[0]), sha256, HASH_BYTES))
        return err_set(err, ERR_INVALID, "the id in the path is not 64 lower-case hex digits");
    put->view = repo_view_of(put->worker->repo, req->identity.tenant_id);
    put->target = put->view ? repo_view_target(put->view, sha256) : NULL;
    if (!put->target)
        return err_set(err, ERR_CONFLICT,
                       "the signed metadata names no file with this hash: publish it first");
    if (!put->target->is_typed || text_equal(put->target->type, "trust"))
        return err_set(err, ERR_CONFLICT,
                       "'%.120s' is no image: such a file comes with the publication that lists it",
                       put->target->path);
    if (req->content_length != put->target->length)
        return err_set(err, ERR_INVALID,
                       "Content-Length is %" PRIu64 ", the signed length is %" PRIu64,
                       req->content_length, put->target->length);
    return true;
}

void on_image_put(struct http_request *req, void *app)
{
    struct put *put = arena_alloc(req->arena, sizeof(*put));
    struct store_image image;
    struct err err;

    put->req = req;
    put->worker = app;
    if (!find_target(put, &err)) {
        answer_err(put, &err);
        return;
    }
    req->on_gone = on_client_gone;
    req->gone_arg = put;
    image = image_of(put);
    store_image_expect(put->worker->db, &image, on_expected, put);
}
