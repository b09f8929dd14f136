/* The answer is printed whole as JSON, or as what a person wants to know. */
#include "cli/send.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/http/url.h"

enum { PATH_MAX_BYTES = 4096, DEVICE_HEX_LEN = 64, DEVICE_PREFIX_MIN = 4 };

int cli_send(struct cli *cli, struct api *api, const struct send *send)
{
    AUTO_JSON *body = send->body;
    AUTO_JSON *answer = NULL;
    struct err err = {0};

    if (!api_call(api, send->method, send->path, body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else if (send->done)
        (void)fprintf(cli->out, "%s\n", send->done);
    else
        table_print_object(cli->out, answer);
    return CLI_DONE;
}

int cli_list(struct cli *cli, struct api *api, const char *path, uint64_t limit,
             const struct column *columns)
{
    AUTO_JSON *answer = NULL;
    struct err err = {0};

    if (!api_list(api, path, limit, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), columns);
    return CLI_DONE;
}

char *cli_path(const char *prefix, const char *id, const char *suffix)
{
    AUTO_BUF path;

    buf_init(&path, PATH_MAX_BYTES);
    buf_add_text(&path, prefix);
    url_encode(id, &path);
    buf_add_text(&path, suffix);
    return mem_strdup(path.failed ? prefix : buf_text(&path)); /* too long is nobody's id */
}

bool cli_device_id(struct api *api, const char *text, char **out, struct err *err)
{
    AUTO_FREE char *path = NULL;
    AUTO_JSON *found = NULL;
    const json_t *items;

    if (strlen(text) == DEVICE_HEX_LEN) {
        *out = mem_strdup(text);
        return true;
    }
    if (strlen(text) < DEVICE_PREFIX_MIN || strspn(text, "0123456789abcdef") != strlen(text))
        return err_set(err, ERR_INVALID, "'%.80s' is not the beginning of a device's id", text);
    path = cli_path("/devices?q=", text, "");
    if (!api_list(api, path, 2, &found, err))
        return false;
    items = json_object_get(found, "items");
    if (json_array_size(items) != 1)
        return err_set(err, ERR_NOT_FOUND, "%s device's id begins with '%s'",
                       json_array_size(items) == 0 ? "no" : "more than one", text);
    *out = mem_strdup(json_string_value(json_object_get(json_array_get(items, 0), "device")));
    return true;
}
