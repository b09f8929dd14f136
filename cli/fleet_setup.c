/* What a fleet is made of: tenants, products, components. Each command is one call of the
 * operator API. */
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "lib/base/mem.h"

struct values {
    struct api_options api;
    const char *name;
    const char *product;
    const char *type;
    struct option_texts hwids;
};

/* clang-format off */
#define NAME(what) {.name = "NAME", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, name), .help = (what)}
static const struct option tenant_options[] = {NAME("a-z, 0-9 and '-'"), API_OPTIONS(struct values), {0}};
static const struct option product_options[] = {
    NAME("what people call this model of device"),
    {.name = "hwid", .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, hwids), .value = "HWID", .help = "a hardware id its images fit; may be given again"},
    API_OPTIONS(struct values), {0}};
static const struct option component_options[] = {
    NAME("as the signed metadata will name it"),
    {.name = "product", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, product), .value = "NAME", .help = "of which product"},
    {.name = "type", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, type), .value = "os|app", .help = "what it is"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* Sends the body and prints the answer: all of it as JSON, or one line. */
static int send_and_print(struct cli *cli, struct api *api, const char *path, json_t *body,
                          const char *line)
{
    AUTO_JSON *owned = body;
    AUTO_JSON *answer = NULL;
    struct err err = {0};

    if (!api_call(api, "POST", path, owned, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "%s\n", line);
    return CLI_DONE;
}

static int run_tenant(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    body = json_pack("{s:s}", "name", values.name);
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "POST", "/tenants", body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "tenant %s; its administrator's token, shown only now:\n%s\n",
                      values.name, json_string_value(json_object_get(answer, "token")));
    return CLI_DONE;
}

static int run_product(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *line = NULL;
    json_t *hwids = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    hwids = json_array();
    for (size_t i = 0; i < values.hwids.count; i++)
        (void)json_array_append_new(hwids, json_string(values.hwids.items[i]));
    line = mem_printf("product %s with its five groups: %s/development, field-test, production and "
                      "two for evaluation",
                      values.name, values.name);
    return send_and_print(cli, api, "/products",
                          json_pack("{s:s, s:o}", "name", values.name, "hwids", hwids), line);
}

static int run_component(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *product = NULL;
    AUTO_FREE char *line = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !api_product_id(api, values.product, &product, &err))
        return cli_fail(cli, &err);
    line = mem_printf("component %s (%s) of %s", values.name, values.type, values.product);
    return send_and_print(
        cli, api, "/components",
        json_pack("{s:s, s:s, s:s}", "product", product, "type", values.type, "name", values.name),
        line);
}

/* clang-format off */
const struct cli_command cli_fleet_setup_commands[] = {
    {"tenant create",    "make a tenant and its administrator's token", tenant_options,    "slipway tenant create acme", run_tenant},
    {"product create",   "make a product and its five groups",          product_options,   "slipway product create camera --hwid cam-v1 --hwid cam-v2", run_product},
    {"component create", "make a component of a product",               component_options, "slipway component create --product camera --type os base-os", run_component},
    {0},
};
/* clang-format on */
