/* JSON in, JSON out, over lib/client. Lists are followed by their cursors. */
#include "cli/client/api.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client/login.h"
#include "cli/progress.h"
#include "lib/base/mem.h"
#include "lib/client/client.h"

enum { PAGE = 200, ANSWER_BYTES_MAX = 16 << 20, CALL_MS_MAX = 120000, FOLLOW_S_MAX = 24 * 3600 };
static const struct json_limits answer_limits = {
    .bytes_max = ANSWER_BYTES_MAX, .depth_max = 32, .containers_max = 1000000};

struct api {
    struct login login;
    struct client *client;
    const char *ca; /* borrowed */
};

bool api_open(const struct api_options *options, struct api **out, struct err *err)
{
    AUTO_API struct api *api = mem_alloc(sizeof(*api));
    struct client_options client = {.user_agent = "slipway/1"};

    if (!login_find(options->url, options->token_file, &api->login, err))
        return false;
    if (!api->login.token)
        return err_set(err, ERR_INVALID,
                       "no operator token for '%s': run 'slipway login %s' or give --token-file",
                       api->login.url, api->login.url);
    client.origin = api->login.url;
    client.ca_file = options->ca ? options->ca : getenv("SLIPWAY_CA");
    api->ca = client.ca_file;
    if (!client_open(&client, &api->client, err))
        return false;
    *out = TAKE(api);
    return true;
}

void api_close(struct api *api)
{
    if (!api)
        return;
    client_close(api->client);
    login_done(&api->login);
    mem_free(api);
}

void api_cleanup(struct api **api)
{
    api_close(*api);
}

static bool exchange(struct api *api, struct client_request *request, const char *path,
                     json_t **out, struct err *err)
{
    AUTO_FREE char *url = mem_printf("/api/v1%s", path);
    struct client_answer answer;
    bool good;

    request->url = url;
    request->bearer = api->login.token;
    request->answer_bytes_max = ANSWER_BYTES_MAX;
    if (!client_send(api->client, request, &answer, err))
        return false;
    good = client_answer_check(&answer, err);
    if (good && out)
        good = json_parse(buf_text(&answer.body), answer.body.len, &answer_limits, out, err) ||
               err_wrap(err, "the server's answer to %s %s", request->method, path);
    client_answer_done(&answer);
    return good;
}

bool api_send(struct api *api, const char *method, const char *path, const struct buf *body,
              json_t **out, struct err *err)
{
    struct client_request request = {.method = method,
                                     .body = body->len ? body->data : NULL,
                                     .body_len = body->len,
                                     .total_ms = CALL_MS_MAX};

    return exchange(api, &request, path, out, err);
}

bool api_call(struct api *api, const char *method, const char *path, const json_t *body,
              json_t **out, struct err *err)
{
    AUTO_FREE char *text = body ? json_text(body) : NULL;
    AUTO_BUF bytes;

    buf_init(&bytes, ANSWER_BYTES_MAX);
    if (text)
        buf_add_text(&bytes, text);
    return api_send(api, method, path, &bytes, out, err);
}

bool api_fetch(struct api *api, const char *path, bool bearer, size_t max, struct buf *out,
               struct err *err)
{
    struct client_request request = {.method = "GET",
                                     .url = path,
                                     .bearer = bearer ? api->login.token : NULL,
                                     .answer_bytes_max = max,
                                     .total_ms = CALL_MS_MAX};
    struct client_answer answer;
    bool good;

    if (!client_send(api->client, &request, &answer, err))
        return false;
    good = client_answer_check(&answer, err);
    if (good)
        buf_add(out, answer.body.data, answer.body.len);
    client_answer_done(&answer);
    return good;
}

/* A client of its own: silence is not slowness here. The server's heartbeats come far more often.
 */
bool api_follow(struct api *api, const char *path,
                bool (*fn)(void *arg, const void *data, size_t len, struct err *err), void *arg,
                struct err *err)
{
    AUTO_FREE char *url = mem_printf("/api/v1%s", path);
    const struct client_options options = {.user_agent = "slipway/1",
                                           .origin = api->login.url,
                                           .ca_file = api->ca,
                                           .slow_window_s = FOLLOW_S_MAX};
    const struct client_request request = {.method = "GET",
                                           .url = url,
                                           .bearer = api->login.token,
                                           .answer_bytes_max = INT64_MAX,
                                           .on_body = fn,
                                           .arg = arg};
    struct client *client;
    struct client_answer answer;
    bool good;

    if (!client_open(&options, &client, err))
        return false;
    good = client_send(client, &request, &answer, err);
    client_close(client);
    if (!good)
        return false;
    good = client_answer_check(&answer, err);
    client_answer_done(&answer);
    return good;
}

static bool on_upload_progress(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    progress_show(arg, done);
    return true;
}

bool api_upload(struct api *api, const char *path, const char *file, json_t **out, struct err *err)
{
    AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct client_request request = {
        .method = "PUT", .upload = true, .content_type = "application/octet-stream"};
    struct progress progress;
    struct stat info;
    bool good;

    if (fd < 0 || fstat(fd, &info) != 0)
        return err_system(err, "could not open '%s'", file);
    request.upload_fd = fd;
    request.upload_bytes = (uint64_t)info.st_size;
    request.on_progress = on_upload_progress;
    request.arg = &progress;
    progress_start(&progress, stderr, file, request.upload_bytes);
    good = exchange(api, &request, path, out, err);
    progress_end(&progress);
    return good;
}

static char *page_path(const char *path, uint64_t left, const char *after)
{
    char join = strchr(path, '?') ? '&' : '?';
    unsigned limit = left > 0 && left < PAGE ? (unsigned)left : PAGE;

    if (!after)
        return mem_printf("%s%climit=%u", path, join, limit);
    return mem_printf("%s%climit=%u&after=%s", path, join, limit, after);
}

bool api_list(struct api *api, const char *path, uint64_t limit, json_t **out, struct err *err)
{
    AUTO_JSON *all = json_array();
    AUTO_FREE char *after = NULL;

    do {
        uint64_t left = limit ? limit - json_array_size(all) : 0;
        AUTO_FREE char *url = page_path(path, left, after);
        AUTO_JSON *page = NULL;
        const char *next;

        if (!api_call(api, "GET", url, NULL, &page, err))
            return false;
        (void)json_array_extend(all, json_object_get(page, "items"));
        next = json_string_value(json_object_get(page, "next"));
        mem_free(TAKE(after));
        after = next ? mem_strdup(next) : NULL;
    } while (after && (limit == 0 || json_array_size(all) < limit));
    *out = json_pack("{s:O}", "items", all);
    return true;
}
