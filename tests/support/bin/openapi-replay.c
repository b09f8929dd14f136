/*
 * Asks a server everything that the rows of server/openapi describe, in their order, with their own
 * examples, and holds each answer to the shape and status that its row promises.
 *
 *     openapi-replay URL OPERATOR_TOKEN DEVICE_TOKEN NAME=VALUE...
 *
 * The pairs are what no example can make by itself: a device, an image, something signed. Prints
 * every request with its status and answer; ends with 1 when one was not as promised.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/client.h"
#include "server/openapi/openapi.h"
#include "server/routes.h"

struct replay {
    struct client *client;
    const char *tokens[2]; /* operator, device */
    json_t *values;        /* {NAME: text} */
    unsigned failed;
    unsigned asked;
};

static const char *value_of(const char *name, void *arg)
{
    const struct replay *replay = arg;

    return json_string_value(json_object_get(replay->values, name));
}

static enum http_access access_of(const struct openapi_row *row)
{
    for (size_t i = 0; route_tables[i]; i++) {
        for (size_t k = 0; k < route_counts[i]; k++) {
            const struct http_route *route = &route_tables[i][k];

            if (text_equal(route->path, row->path) && text_equal(route->method, row->method))
                return route->access;
        }
    }
    return ACCESS_PUBLIC;
}

/* "NAME=FIELD", "NAME=items.0.FIELD" */
static void keep(struct replay *replay, const char *keeps, const json_t *answer)
{
    static const char first[] = "items.0.";
    const char *field = strchr(keeps, '=') + 1;
    AUTO_FREE char *name = mem_strndup(keeps, (size_t)(field - 1 - keeps));

    if (text_starts_with(field, first)) {
        answer = json_array_get(json_object_get(answer, "items"), 0);
        field += sizeof(first) - 1;
    }
    (void)json_object_set(replay->values, name, json_object_get(answer, field));
}

static bool check_answer(struct replay *replay, const struct openapi_row *row,
                         const struct client_answer *answer, struct err *err)
{
    unsigned wanted = row->status ? (unsigned)row->status : 200;
    AUTO_JSON *tree = NULL;
    AUTO_JSON *schema = NULL;

    if (answer->status != wanted)
        return err_set(err, ERR_INVALID, "not %u", wanted);
    tree = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    if (row->keeps)
        keep(replay, row->keeps, tree);
    if (!row->answer)
        return true;
    schema = shape_schema(row->answer);
    if (!tree)
        return err_set(err, ERR_INVALID, "the answer is no JSON");
    return shape_check(schema, tree, "answer", err);
}

static bool check_body(const struct openapi_row *row, const struct buf *body, struct err *err)
{
    AUTO_JSON *tree = json_loads(buf_text(body), 0, NULL);
    AUTO_JSON *schema = row->body ? shape_schema(row->body) : NULL;

    return !row->example || (tree && schema ? shape_check(schema, tree, "example", err)
                                            : err_set(err, ERR_INVALID, "the example is no JSON"));
}

static bool fill_query(struct replay *replay, const struct openapi_row *row, struct buf *path)
{
    if (!row->ask)
        return true;
    buf_add_text(path, "?");
    return openapi_fill(row->ask, value_of, replay, path);
}

static bool ask(struct replay *replay, const struct openapi_row *row, struct err *err)
{
    enum http_access access = access_of(row);
    struct client_request request = {.method = row->method, .answer_bytes_max = 8 << 20};
    AUTO_CLIENT_ANSWER answer = {0};
    AUTO_BUF path;
    AUTO_BUF body;

    buf_init(&path, 4096);
    buf_init(&body, 1 << 20);
    if (!openapi_fill_path(row, value_of, replay, &path) || !fill_query(replay, row, &path) ||
        (row->example && !openapi_fill(row->example, value_of, replay, &body)))
        return err_set(err, ERR_INVALID, "a value for it is not known");
    if (!check_body(row, &body, err))
        return false;
    request.url = buf_text(&path);
    request.bearer = access == ACCESS_PUBLIC ? NULL : replay->tokens[access == ACCESS_DEVICE];
    request.body = row->example ? body.data : NULL;
    request.body_len = body.len;
    if (!client_send(replay->client, &request, &answer, err))
        return false;
    (void)printf("%s %s %u %s\n", row->method, row->path, answer.status, buf_text(&answer.body));
    return check_answer(replay, row, &answer, err);
}

static void replay_all(struct replay *replay)
{
    for (size_t i = 0; openapi_tables[i]; i++) {
        for (const struct openapi_row *row = openapi_tables[i]; row->method; row++) {
            struct err err;

            if (row->replay)
                continue;
            replay->asked++;
            if (ask(replay, row, &err))
                continue;
            replay->failed++;
            (void)printf("FAILED: %s %s: %s\n", row->method, row->path, err.text);
        }
    }
}

int main(int argc, char **argv)
{
    struct replay replay = {0};
    struct client_options options = {.user_agent = "openapi-replay"};
    struct err err;

    if (argc < 4) {
        (void)fprintf(stderr, "usage: openapi-replay URL OPERATOR DEVICE NAME=VALUE...\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    options.origin = argv[1];
    replay.tokens[0] = argv[2];
    replay.tokens[1] = argv[3];
    replay.values = json_object();
    for (int i = 4; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        AUTO_FREE char *name = value ? mem_strndup(argv[i], (size_t)(value - argv[i])) : NULL;

        if (name)
            (void)json_object_set_new(replay.values, name, json_string(value + 1));
    }
    if (!client_open(&options, &replay.client, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    replay_all(&replay);
    client_close(replay.client);
    json_decref(replay.values);
    (void)printf("%u asked, %u not as promised\n", replay.asked, replay.failed);
    return replay.failed > 0;
}
