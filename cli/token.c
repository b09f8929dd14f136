/* Operators' tokens, and what one person may do alone. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    const char *name;
    const char *role;
    struct option_texts products;
    struct option_texts groups;
    uint64_t days;
    const char *id;
    const char *approval_devices;
    const char *approval_changes;
};

/* clang-format off */
static const struct option new_options[] = {
    {.name = "name", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, name), .value = "NAME", .help = "whose it is, for lists"},
    {.name = "role", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, role), .value = "ROLE", .help = "reader, contributor, approver, administrator or auditor"},
    {.name = "product", .type = OPTION_TEXTS, .field = offsetof(struct values, products), .value = "NAME", .help = "changes only this product; may be given again"},
    {.name = "group", .type = OPTION_TEXTS, .field = offsetof(struct values, groups), .value = "PRODUCT/GROUP", .help = "changes only this group; may be given again"},
    {.name = "days", .type = OPTION_U64, .field = offsetof(struct values, days), .min = 1, .max = 365, .value = "N", .help = "valid for so many days (365)"},
    API_OPTIONS(struct values), {0}};
static const struct option revoke_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "slw_ and eight digits, as in the token and the list"},
    API_OPTIONS(struct values), {0}};
static const struct option plain_options[] = {API_OPTIONS(struct values), {0}};
static const struct option set_options[] = {
    {.name = "approval-devices", .type = OPTION_TEXT, .field = offsetof(struct values, approval_devices), .value = "N", .help = "deployments to groups of more devices wait for another person; 0: never"},
    {.name = "approval-changes", .type = OPTION_TEXT, .field = offsetof(struct values, approval_changes), .value = "yes|no", .help = "so do changes of keys and floors"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static bool add_ids(struct api *api, const struct option_texts *names, json_t *body,
                    const char *field, struct err *err)
{
    bool is_product = text_equal(field, "products");
    json_t *list;

    if (names->count == 0)
        return true;
    list = json_array();
    (void)json_object_set_new(body, field, list);
    for (size_t i = 0; i < names->count; i++) {
        AUTO_FREE char *id = NULL;

        if (!(is_product ? api_product_id(api, names->items[i], &id, err)
                         : api_group_id(api, names->items[i], &id, err)))
            return false;
        (void)json_array_append_new(list, json_string(id));
    }
    return true;
}

static int run_new(int argc, char **argv, struct cli *cli)
{
    struct values values = {.days = 365};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    char expires[TEXT_TIME_ROOM];
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    text_from_time(clock_now_ms() + (int64_t)values.days * 24 * 3600 * 1000, expires);
    body =
        json_pack("{s:s, s:s, s:s}", "name", values.name, "role", values.role, "expires", expires);
    if (!body)
        return cli_usage(cli, "the name is not UTF-8");
    if (!api_open(&values.api, &api, &err) ||
        !add_ids(api, &values.products, body, "products", &err) ||
        !add_ids(api, &values.groups, body, "groups", &err) ||
        !api_call(api, "POST", "/operator-tokens", body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "token of %s (%s), until %s, shown only now:\n%s\n", values.name,
                      values.role, expires, json_string_value(json_object_get(answer, "token")));
    return CLI_DONE;
}

static int run_revoke(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 1024);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    buf_add_text(&path, "/operator-tokens/");
    url_encode(values.id, &path);
    buf_add_text(&path, "/revoke");
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "POST", buf_text(&path), NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "token %s is revoked\n", values.id);
    return CLI_DONE;
}

static int print_settings(struct cli *cli, const json_t *answer)
{
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print_object(cli->out, answer);
    return CLI_DONE;
}

static int run_show(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !api_call(api, "GET", "/tenant", NULL, &answer, &err))
        return cli_fail(cli, &err);
    return print_settings(cli, answer);
}

/* False when a value is not one; the fields that were given are in `body`. */
static bool settings_body(const struct values *values, json_t *body)
{
    const char *devices = values->approval_devices;
    const char *changes = values->approval_changes;
    uint64_t number;

    if (devices) {
        if (!text_to_u64(devices, strlen(devices), 0, INT32_MAX, &number))
            return false;
        (void)json_object_set_new(body, "approval_devices", json_integer((json_int_t)number));
    }
    if (changes) {
        if (!text_equal(changes, "yes") && !text_equal(changes, "no"))
            return false;
        (void)json_object_set_new(body, "approval_changes",
                                  json_boolean(text_equal(changes, "yes")));
    }
    return json_object_size(body) > 0;
}

static int run_set(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = json_object();
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!settings_body(&values, body))
        return cli_usage(cli, "give --approval-devices N or --approval-changes yes|no");
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "PATCH", "/tenant", body, &answer, &err))
        return cli_fail(cli, &err);
    return print_settings(cli, answer);
}

/* clang-format off */
const struct cli_command cli_token_commands[] = {
    {"token new",    "a token for a person or a program",          new_options,    "slipway token new --name ci --role contributor --product camera --days 90", run_new},
    {"token revoke", "end a token, at once and for good",          revoke_options, "slipway token revoke slw_1f2e3d4c", run_revoke},
    {"tenant show",  "your tenant's settings: what needs four eyes", plain_options, "slipway tenant show", run_show},
    {"tenant set",   "change what needs another person's approval", set_options,   "slipway tenant set --approval-devices 100 --approval-changes yes", run_set},
    {0},
};
/* clang-format on */
