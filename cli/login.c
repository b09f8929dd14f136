/* `slipway login`: remembers a server and a token, after having tried them. */
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/client/login.h"
#include "cli/command.h"
#include "cli/option.h"

struct values {
    const char *url;
    const char *token_file;
    const char *ca;
};

/* clang-format off */
static const struct option login_options[] = {
    {.name = "URL", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, url), .help = "https://host:port"},
    {.name = "token-file", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, token_file), .value = "FILE", .help = "file with the operator's token"},
    {.name = "ca", .type = OPTION_TEXT, .field = offsetof(struct values, ca), .value = "FILE", .help = "PEM certificates to trust for TLS"},
    {0}};
/* clang-format on */

static int run_login(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_LOGIN login = {0};
    struct api_options options;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    options = (struct api_options){values.url, values.token_file, values.ca};
    if (!api_open(&options, &api, &err) || !api_call(api, "GET", "/products", NULL, NULL, &err) ||
        !login_find(values.url, values.token_file, &login, &err) || !login_save(&login, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        AUTO_JSON *answer = json_pack("{s:s}", "url", values.url);

        cli_print_json(cli, answer);
    } else {
        (void)fprintf(cli->out, "logged in to %s\n", values.url);
    }
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_login_commands[] = {
    {"login", "remember a server and a token for later commands", login_options, "slipway login https://ota.example:8443 --token-file token.txt", run_login},
    {0},
};
/* clang-format on */
