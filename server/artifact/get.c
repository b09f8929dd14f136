/* Downloads: one look-up says whether the tenant offers the file, the front sends it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/artifact/routes.h"
#include "server/artifact/store.h"
#include "server/store/store_image.h"
#include "server/worker.h"

struct get {
    struct http_request *req;
    struct worker *worker;
    uint8_t sha256[HASH_BYTES];
};

static void answer_missing(struct http_request *req)
{
    struct err err;

    (void)err_set(&err, ERR_NOT_FOUND, "there is no such file");
    http_answer_error(req, &err);
}

static void send_file(struct get *get, uint64_t length)
{
    char etag[HASH_HEX_ROOM];
    uint64_t size;
    struct err err;
    int fd;

    if (!artifact_store_read(get->worker->artifacts, get->sha256, &fd, &size, &err)) {
        LOG_ERROR("artifact.missing", "request=%s error=%s", get->req->id, err.text);
        http_answer_error(get->req, &err);
        return;
    }
    if (size != length) {
        LOG_ERROR("artifact.damaged", "request=%s size=%llu instead=%llu", get->req->id,
                  (unsigned long long)size, (unsigned long long)length);
        (void)close(fd); /* it was only looked at */
        answer_missing(get->req);
        return;
    }
    text_from_hex_bytes(get->sha256, HASH_BYTES, etag);
    http_answer_file(get->req, fd, size, etag, "application/octet-stream",
                     "public, max-age=31536000, immutable");
}

static void on_length(const struct db_result *result, const struct err *err, void *arg)
{
    struct get *get = arg;

    if (err)
        http_answer_error(get->req, err);
    else if (db_rows(result) == 0)
        answer_missing(get->req);
    else
        send_file(get, (uint64_t)db_i64(result, 0, 0));
}

static struct get *get_new(struct http_request *req, struct worker *worker)
{
    struct get *get = arena_alloc(req->arena, sizeof(*get));

    get->req = req;
    get->worker = worker;
    return get;
}

/* "os/HWID/2.0/SHA256.rootfs.img" is the signed path "os/HWID/2.0/rootfs.img". */
void on_target_get(struct http_request *req, void *app)
{
    struct get *get = get_new(req, app);
    const char *path = req->params[1];
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    const size_t hex_len = HASH_HEX_ROOM - 1;

    if (strlen(file) < hex_len + 2 || file[hex_len] != '.' ||
        !text_to_hex_bytes(file, hex_len, get->sha256, HASH_BYTES)) {
        answer_missing(req);
        return;
    }
    store_image_file(
        get->worker->db, req->params[0], get->sha256,
        arena_printf(req->arena, "%.*s%s", (int)(file - path), path, file + hex_len + 1), on_length,
        get);
}

void on_delta_get(struct http_request *req, void *app)
{
    struct get *get = get_new(req, app);

    if (!text_to_hex_bytes(req->params[1], strlen(req->params[1]), get->sha256, HASH_BYTES)) {
        answer_missing(req);
        return;
    }
    store_delta_file(get->worker->db, req->params[0], get->sha256, on_length, get);
}
