/* Four eyes: what somebody else made, looked at and let go. The server refuses the author's own
 * approval (FOUR_EYES); here is only the asking. */
#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    const char *id;
};

/* clang-format off */
static const struct option approve_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "what waits, as its list or its author says"},
    API_OPTIONS(struct values), {0}};

static const struct {
    const char *command;
    const char *path;
    const char *what;
} things[] = {
    {"deploy approve", "/deployments/",   "deployment"},
    {"repo approve",   "/repo/requests/", "request"},
};
/* clang-format on */

static int run_approve(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    size_t thing = 0;
    AUTO_BUF path;
    int status;

    buf_init(&path, 1024);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    while (!text_equal(things[thing].command, cli->command->name)) {
        thing++;
        ASSERT(thing < COUNT(things)); /* every command has a row */
    }
    buf_add_text(&path, things[thing].path);
    url_encode(values.id, &path);
    buf_add_text(&path, "/approve");
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "POST", buf_text(&path), NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "%s %s is approved and %s\n", things[thing].what, values.id,
                      json_string_value(json_object_get(answer, "state")));
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_approve_commands[] = {
    {"deploy approve", "let another person's deployment start",   approve_options, "slipway deploy approve ID", run_approve},
    {"repo approve",   "publish another person's change of keys or floors", approve_options, "slipway repo approve ID", run_approve},
    {0},
};
/* clang-format on */
