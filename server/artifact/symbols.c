/*
 * Debug files that operators upload, so that backtraces get names. A file is stored by its hash;
 * what it is for is its build id, which is read by ourselves. Nothing else looks into it here.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/os/file.h"
#include "server/artifact/receive.h"
#include "server/artifact/routes.h"
#include "server/auth/operator.h"
#include "server/reports/build_id.h"
#include "server/store/store_symbol.h"
#include "server/worker.h"

enum { LIST_LIMIT = 200 };

struct upload {
    struct http_request *req;
    struct worker *worker;
    struct receive *receive;
    struct build_id id;
    struct store_symbol_file file;
    bool is_good; /* what the background thread found */
    struct err err;
};

/* --- on the background thread ------------------------------------------------------------------
 */

static bool read_at(void *arg, uint64_t offset, void *out, size_t len)
{
    struct err err;

    return file_pread_all(*(const int *)arg, out, len, offset, &err);
}

/* A file that is none goes: nobody could ever name it. */
static void find_id(void *arg)
{
    struct upload *upload = arg;
    char path[ARTIFACT_PATH_ROOM];
    AUTO_CLOSE int fd = -1;

    artifact_store_path(upload->worker->symbols, upload->file.sha256, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    upload->is_good = fd >= 0 ? build_id_find(read_at, &fd, &upload->id, &upload->err)
                              : err_system(&upload->err, "could not open '%s'", path);
    if (!upload->is_good)
        (void)unlink(path); /* it may not be there */
}

/* -----------------------------------------------------------------------------------------------
 */

static void on_added(const struct db_result *result, const struct err *err, void *arg)
{
    const struct upload *upload = arg;

    if (err)
        http_answer_error(upload->req, err);
    else
        http_answer_json(upload->req, 201, db_text(result, 0, 0));
}

static void on_found(void *arg)
{
    struct upload *upload = arg;

    if (!upload->is_good) {
        http_answer_error(upload->req, &upload->err);
        return;
    }
    upload->file.build_id = upload->id.bytes;
    upload->file.build_id_len = upload->id.len;
    store_symbol_add(upload->worker->db, &upload->file, on_added, upload);
}

static void on_received(const struct err *err, void *arg)
{
    struct upload *upload = arg;

    if (err)
        http_answer_error(upload->req, err);
    else
        offload_send(upload->worker->offload, upload->req->loop, find_id, on_found, upload);
}

void on_symbols_put(struct http_request *req, void *app)
{
    struct upload *upload = arena_alloc(req->arena, sizeof(*upload));
    const char *hex = req->params[0];
    struct err err;

    *upload = (struct upload){.req = req, .worker = app};
    upload->file.actor = operator_actor(req);
    upload->file.length = req->content_length;
    if (!text_to_hex_bytes(hex, strlen(hex), upload->file.sha256, HASH_BYTES)) {
        (void)err_set(&err, ERR_INVALID, "the id in the path is not 64 lower-case hex digits");
        http_answer_error(req, &err);
        return;
    }
    upload->receive =
        receive_new(req, upload->worker->offload, upload->worker->symbols, upload->file.sha256);
    receive_begin(upload->receive, req->content_length, on_received, upload);
}

static void on_listed(const struct db_result *result, const struct err *err, void *arg)
{
    struct http_request *req = arg;

    if (err)
        http_answer_error(req, err);
    else
        http_answer_json(req, 200, db_text(result, 0, 0));
}

void on_symbols_list(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    const char *after = http_query(req, "after");
    uint8_t id[BUILD_ID_BYTES_MAX];
    size_t len = after ? strlen(after) / 2 : 0;
    struct err err;

    if (after && (len > sizeof(id) || !text_to_hex_bytes(after, strlen(after), id, len))) {
        (void)err_set(&err, ERR_INVALID, "parameter 'after' is not the 'next' of a page");
        http_answer_error(req, &err);
        return;
    }
    store_symbol_list(worker->db, req->identity.tenant_id, after, LIST_LIMIT, on_listed, req);
}
