/* What keeps an image's file on the server. */
#include <stddef.h>

#include "cli/option.h"
#include "cli/send.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    struct api_options api;
    const char *sha256;
    const char *reason;
};

/* clang-format off */
#define SHA {.name = "SHA256", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, sha256), .help = "the image, as 'image list' shows it"}
static const struct option plain_options[] = {SHA, API_OPTIONS(struct values), {0}};
static const struct option lock_options[] = {
    SHA,
    {.name = "reason", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, reason), .value = "TEXT", .help = "why, for who wonders"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static const struct column reason_columns[] = {{"REASON", "reason"}, {"", "detail"}, {0}};

static void print_why(struct cli *cli, const json_t *why)
{
    const char *state = json_string_value(json_object_get(why, "state"));
    const char *goes = json_string_value(json_object_get(why, "goes"));
    const json_t *reasons = json_object_get(why, "reasons");

    (void)fprintf(cli->out, "%s: %s%s%s\n", json_string_value(json_object_get(why, "path")),
                  state ? state : "", goes && text_equal(state, "unneeded") ? ", goes " : "",
                  goes && text_equal(state, "unneeded") ? goes : "");
    if (json_array_size(reasons) > 0)
        table_print(cli->out, reasons, reason_columns);
}

static int run_why(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *why = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = cli_path("/artifacts/", values.sha256, "/why");
    if (!api_open(&values.api, &api, &err) || !api_call(api, "GET", path, NULL, &why, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, why);
    else
        print_why(cli, why);
    return CLI_DONE;
}

static int change(int argc, char **argv, struct cli *cli, const char *what)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_FREE char *line = NULL;
    struct send send = {.method = "POST"};
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    path = cli_path("/artifacts/", values.sha256, what);
    line = mem_printf("image %s: %sed", values.sha256, what + 1);
    send.path = path;
    send.done = line;
    send.body = values.reason ? json_pack("{s:s}", "reason", values.reason) : NULL;
    return cli_send(cli, api, &send);
}

static int run_lock(int argc, char **argv, struct cli *cli)
{
    return change(argc, argv, cli, "/lock");
}

static int run_unlock(int argc, char **argv, struct cli *cli)
{
    return change(argc, argv, cli, "/unlock");
}

/* clang-format off */
const struct cli_command cli_artifact_commands[] = {
    {"artifact why",    "what keeps an image's file, or when it goes",   plain_options, "slipway artifact why 9f86d081...", run_why},
    {"artifact lock",   "keep an image's file whatever else",            lock_options,  "slipway artifact lock 9f86d081... --reason 'court order'", run_lock},
    {"artifact unlock", "take the lock of an image's file away",         plain_options, "slipway artifact unlock 9f86d081...", run_unlock},
    {0},
};
/* clang-format on */
