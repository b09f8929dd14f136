/* What a fleet is made of: tenants, products, components, groups, claim tokens. Each command is
 * one call of the operator API. */
#include <inttypes.h>
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    struct api_options api;
    const char *name;
    const char *product;
    const char *type;
    const char *group;
    const char *update_policy;
    struct option_texts hwids;
    uint64_t poll_interval_s;
    uint64_t count;
    uint64_t days;
};

/* clang-format off */
#define NAME(what) {.name = "NAME", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, name), .help = (what)}
#define GROUP(kind) {.name = (kind) == OPTION_ARG ? "GROUP" : "group", .type = (kind), .required = true, .field = offsetof(struct values, group), .value = "PRODUCT/GROUP", .help = "which group, as PRODUCT/GROUP"}
static const struct option tenant_options[] = {NAME("a-z, 0-9 and '-'"), API_OPTIONS(struct values), {0}};
static const struct option product_options[] = {
    NAME("what people call this model of device"),
    {.name = "hwid", .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, hwids), .value = "HWID", .help = "a hardware id its images fit; may be given again"},
    API_OPTIONS(struct values), {0}};
static const struct option component_options[] = {
    NAME("as the signed metadata will name it"),
    {.name = "product", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, product), .value = "NAME", .help = "of which product"},
    {.name = "type", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, type), .value = "os", .help = "what it is"},
    API_OPTIONS(struct values), {0}};
static const struct option group_options[] = {
    GROUP(OPTION_ARG),
    {.name = "poll-interval", .type = OPTION_U64, .field = offsetof(struct values, poll_interval_s), .min = 1, .max = 604800, .value = "SECONDS", .help = "how often its devices ask"},
    {.name = "update-policy", .type = OPTION_TEXT, .field = offsetof(struct values, update_policy), .value = "POLICY", .help = "all, os-only or none"},
    API_OPTIONS(struct values), {0}};
static const struct option claim_options[] = {
    GROUP(OPTION_TEXT),
    {.name = "count", .type = OPTION_U64, .field = offsetof(struct values, count), .min = 1, .max = 10000000, .value = "N", .help = "for so many devices (1)"},
    {.name = "days", .type = OPTION_U64, .field = offsetof(struct values, days), .min = 1, .max = 3650, .value = "N", .help = "valid for so many days (7)"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* Sends the body and prints the answer: all of it as JSON, or one line. */
static int send_and_print(struct cli *cli, struct api *api, const char *path, json_t *body,
                          const char *line)
{
    AUTO_JSON *owned = body;
    AUTO_JSON *answer = NULL;
    struct err err = {0};

    if (!api_call(api, text_starts_with(path, "/groups/") ? "PATCH" : "POST", path, owned, &answer,
                  &err))
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

static int run_group(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_FREE char *line = NULL;
    json_t *body;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!values.poll_interval_s && !values.update_policy)
        return cli_usage(cli, "nothing to change: give --poll-interval or --update-policy");
    if (!api_open(&values.api, &api, &err) || !api_group_id(api, values.group, &group, &err))
        return cli_fail(cli, &err);
    path = mem_printf("/groups/%s", group);
    line = mem_printf("group %s changed", values.group);
    body = json_object();
    if (values.poll_interval_s)
        (void)json_object_set_new(body, "poll_interval_s",
                                  json_integer((json_int_t)values.poll_interval_s));
    if (values.update_policy)
        (void)json_object_set_new(body, "update_policy", json_string(values.update_policy));
    return send_and_print(cli, api, path, body, line);
}

static int run_claim(int argc, char **argv, struct cli *cli)
{
    struct values values = {.count = 1, .days = 7};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    char expires[TEXT_TIME_ROOM];
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !api_group_id(api, values.group, &group, &err))
        return cli_fail(cli, &err);
    text_from_time(clock_now_ms() + (int64_t)values.days * 24 * 3600 * 1000, expires);
    body = json_pack("{s:s, s:I, s:s}", "group", group, "count", (json_int_t)values.count,
                     "expires", expires);
    if (!api_call(api, "POST", "/claim-tokens", body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out,
                      "claim token for %" PRIu64 " devices of %s, until %s, shown only now:\n%s\n",
                      values.count, values.group, expires,
                      json_string_value(json_object_get(answer, "token")));
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_fleet_setup_commands[] = {
    {"tenant create",    "make a tenant and its administrator's token", tenant_options,    "slipway tenant create acme", run_tenant},
    {"product create",   "make a product and its five groups",          product_options,   "slipway product create camera --hwid cam-v1 --hwid cam-v2", run_product},
    {"component create", "make a component of a product",               component_options, "slipway component create --product camera --type os base-os", run_component},
    {"group set",        "change a group's poll interval or policy",    group_options,     "slipway group set camera/production --poll-interval 300", run_group},
    {"claim new",        "a token with which devices join a group",     claim_options,     "slipway claim new --group camera/production --count 100", run_claim},
    {0},
};
/* clang-format on */
