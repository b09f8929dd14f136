/* The same names in both: DIR/2.root.json, DIR/director/1.root.json, DIR/files/trust/... */
#include "cli/trust/source.h"

#include <string.h>

#include "cli/client/api.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/client.h"
#include "lib/http/url.h"
#include "lib/os/file.h"

enum { URL_ROOM = 2048, PUBLIC_MS_MAX = 120000 };

static char *local_path(const char *dir, const char *repository, const char *name)
{
    return text_equal(repository, "image") ? mem_printf("%s/%s", dir, name)
                                           : mem_printf("%s/%s/%s", dir, repository, name);
}

static bool keep(const char *dir, const char *repository, const char *name, const void *data,
                 size_t len, struct err *err)
{
    AUTO_FREE char *path = local_path(dir, repository, name);
    AUTO_FREE char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));

    return file_make_dirs(folder, 0755, err) && file_write(path, 0644, data, len, err);
}

static void server_path(const struct source_server *server, const char *repository,
                        const char *name, struct buf *out)
{
    if (text_equal(repository, "image")) {
        buf_printf(out, "/t/%s/image/metadata/", server->tenant);
        url_encode(name, out);
    } else if (text_equal(repository, "files")) {
        buf_printf(out, "/t/%s/image/targets/%s", server->tenant, name);
    } else {
        buf_printf(out, "/api/v1/repo/metadata/director/%s", name);
    }
}

static bool from_server(void *arg, const char *repository, const char *name, size_t max,
                        struct buf *out, struct err *err)
{
    const struct source_server *server = arg;
    size_t before = out->len;
    AUTO_BUF path;

    buf_init(&path, URL_ROOM);
    server_path(server, repository, name, &path);
    if (!api_fetch(server->api, buf_text(&path), text_equal(repository, "director"), max, out, err))
        return false;
    return !server->keep ||
           keep(server->keep, repository, name, out->data + before, out->len - before, err);
}

static bool from_public(void *arg, const char *repository, const char *name, size_t max,
                        struct buf *out, struct err *err)
{
    const struct source_public *place = arg;
    bool director = text_equal(repository, "director");
    struct client_request request = {
        .method = "GET", .answer_bytes_max = max, .total_ms = PUBLIC_MS_MAX};
    struct client_answer answer;
    bool good;
    AUTO_BUF url;

    buf_init(&url, URL_ROOM);
    if (director && !place->device)
        return err_set(err, ERR_NOT_FOUND, "no device to ask for");
    if (director)
        buf_printf(&url, "%s/director/%s/metadata/", place->base, place->device);
    else
        buf_printf(&url, "%s/image/%s/", place->base,
                   text_equal(repository, "files") ? "targets" : "metadata");
    if (text_equal(repository, "files"))
        buf_add_text(&url, name);
    else
        url_encode(name, &url);
    request.url = buf_text(&url);
    request.bearer = director ? place->bearer : NULL;
    if (!client_send(place->client, &request, &answer, err))
        return false;
    good = client_answer_check(&answer, err);
    if (good)
        buf_add(out, answer.body.data, answer.body.len);
    client_answer_done(&answer);
    return good;
}

static bool from_folder(void *arg, const char *repository, const char *name, size_t max,
                        struct buf *out, struct err *err)
{
    AUTO_FREE char *path = local_path(arg, repository, name);
    AUTO_BUF bytes;

    buf_init(&bytes, max);
    if (!file_exists(path))
        return err_set(err, ERR_NOT_FOUND, "there is no '%s'", path);
    if (!file_read(path, &bytes, err))
        return false;
    buf_add(out, bytes.data, bytes.len);
    return true;
}

struct state_source source_of_server(const struct source_server *server)
{
    union {
        const struct source_server *in;
        void *out;
    } arg = {.in = server};

    return (struct state_source){.fetch = from_server, .arg = arg.out};
}

struct state_source source_of_public(const struct source_public *place)
{
    union {
        const struct source_public *in;
        void *out;
    } arg = {.in = place};

    return (struct state_source){.fetch = from_public, .arg = arg.out};
}

struct state_source source_of_folder(const char *dir)
{
    union {
        const char *in;
        void *out;
    } arg = {.in = dir};

    return (struct state_source){.fetch = from_folder, .arg = arg.out};
}
