/* Every "list" and "show" of the operator API is a row here: where it is asked, which filters it
 * has, and what a person sees of it. --json shows everything. */
#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    uint64_t limit;
    const char *product;
    const char *group;
    const char *state;
    const char *device;
    const char *deployment;
    const char *id; /* of what is shown */
};

struct list {
    const char *command;
    const char *path;
    struct column columns[10];
};

/* clang-format off */
static const struct list lists[] = {
    {"tenant list",    "/tenants",      {{"NAME", "name"}, {"ID", "id"}, {0}}},
    {"token list",     "/operator-tokens", {{"ID", "id"}, {"NAME", "name"}, {"ROLE", "role"}, {"PRODUCTS", "products"}, {"GROUPS", "groups"}, {"EXPIRES", "expires"}, {"LAST USED", "last_used"}, {"REVOKED", "revoked"}, {0}}},
    {"product list",   "/products",     {{"NAME", "name"}, {"HARDWARE", "hwids"}, {"ID", "id"}, {0}}},
    {"group list",     "/groups",       {{"PRODUCT", "product"}, {"GROUP", "name"}, {"POLL", "poll_interval_s"}, {"UPDATES", "update_policy"}, {"STOPPED", "updates_stopped"}, {"HELD", "hold.reason"}, {"BASELINE", "baseline.release"}, {"ID", "id"}, {0}}},
    {"claim list",     "/claim-tokens", {{"GROUP", "group"}, {"USED", "used"}, {"OF", "count"}, {"EXPIRES", "expires"}, {"REVOKED", "revoked"}, {"ID", "id"}, {0}}},
    {"component list", "/components",   {{"PRODUCT", "product"}, {"TYPE", "type"}, {"NAME", "name"}, {"ID", "id"}, {0}}},
    {"image list",     "/images",       {{"COMPONENT", "component"}, {"VERSION", "version"}, {"COUNTER", "release_counter"}, {"LENGTH", "length"}, {"HARDWARE", "hwids"}, {"SHA256", "sha256"}, {0}}},
    {"release list",   "/releases",     {{"PRODUCT", "product"}, {"NAME", "name"}, {"CREATED", "created"}, {"ID", "id"}, {0}}},
    {"deploy list",    "/deployments",  {{"GROUP", "group"}, {"RELEASE", "release"}, {"STATE", "state"}, {"PHASE", "phase"}, {"TOUCHED", "touched"}, {"CREATED", "created"}, {"ID", "id"}, {0}}},
    {"report list",    "/reports",      {{"TIME", "time"}, {"DEVICE", "device"}, {"STATE", "state"}, {"REASON", "reason"}, {"DETAIL", "detail"}, {0}}},
    {"delta list",     "/deltas",       {{"COMPONENT", "component"}, {"FROM", "from_version"}, {"TO", "to_version"}, {"STATE", "state"}, {"LENGTH", "length"}, {"FULL ZSTD", "full_zstd_length"}, {"DEVICES", "devices"}, {0}}},
};

static const struct {
    const char *command;
    const char *path;
} shows[] = {
    {"image show",  "/images"},
    {"device show", "/devices"},
};

#define LIMIT {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"}
#define FILTER(word, what, sample) {.name = #word, .type = OPTION_TEXT, .field = offsetof(struct values, word), .value = (sample), .help = (what)}
static const struct option plain_options[]  = {LIMIT, API_OPTIONS(struct values), {0}};
static const struct option product_options[] = {FILTER(product, "only of this product", "NAME"), LIMIT, API_OPTIONS(struct values), {0}};
static const struct option deploy_options[] = {FILTER(group, "only of this group", "PRODUCT/GROUP"), FILTER(state, "only in this state", "STATE"), LIMIT, API_OPTIONS(struct values), {0}};
static const struct option report_options[] = {FILTER(device, "only of this device", "DEVICE"), FILTER(deployment, "only of this deployment", "ID"), LIMIT, API_OPTIONS(struct values), {0}};
static const struct option delta_options[]  = {FILTER(state, "only in this state", "STATE"), LIMIT, API_OPTIONS(struct values), {0}};
static const struct option show_options[]   = {{.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "which one"}, API_OPTIONS(struct values), {0}};
/* clang-format on */

static const struct list *find_list(const char *command)
{
    size_t i = 0;

    while (i < COUNT(lists) && !text_equal(lists[i].command, command))
        i++;
    ASSERT(i < COUNT(lists)); /* every list command has a row */
    return &lists[i];
}

static void add_filter(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(path, "%c%s=", memchr(path->data, '?', path->len) ? '&' : '?', name);
    url_encode(value, path);
}

static bool make_path(struct api *api, const struct list *list, const struct values *values,
                      struct buf *path, struct err *err)
{
    AUTO_FREE char *product = NULL;
    AUTO_FREE char *group = NULL;

    if (values->product && !api_product_id(api, values->product, &product, err))
        return false;
    if (values->group && !api_group_id(api, values->group, &group, err))
        return false;
    buf_add_text(path, list->path);
    add_filter(path, "product", product);
    add_filter(path, "group", group);
    add_filter(path, "state", values->state);
    add_filter(path, "device", values->device);
    add_filter(path, "deployment", values->deployment);
    return !path->failed || err_set(err, ERR_LIMIT, "the filters are too long");
}

static int run_list(int argc, char **argv, struct cli *cli)
{
    const struct list *list = find_list(cli->command->name);
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 4096);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !make_path(api, list, &values, &path, &err) ||
        !api_list(api, buf_text(&path), values.limit, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), list->columns);
    return CLI_DONE;
}

static const char *show_path(const char *command)
{
    size_t i = 0;

    while (i < COUNT(shows) && !text_equal(shows[i].command, command))
        i++;
    ASSERT(i < COUNT(shows)); /* every show command has a row */
    return shows[i].path;
}

static int run_show(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 4096);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    buf_printf(&path, "%s/", show_path(cli->command->name));
    url_encode(values.id, &path);
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "GET", buf_text(&path), NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print_object(cli->out, answer);
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_list_commands[] = {
    {"tenant list",    "your tenant and those it made",            plain_options,   "slipway tenant list",                          run_list},
    {"token list",     "operators' tokens, not the tokens themselves", plain_options, "slipway token list",                       run_list},
    {"product list",   "products and their hardware ids",          plain_options,   "slipway product list",                         run_list},
    {"group list",     "groups, their policy and baseline",        product_options, "slipway group list --product camera",          run_list},
    {"claim list",     "claim tokens and how often they were used", plain_options,  "slipway claim list",                           run_list},
    {"component list", "what has versions on devices",             plain_options,   "slipway component list",                       run_list},
    {"image list",     "uploaded images",                          plain_options,   "slipway image list",                           run_list},
    {"image show",     "one image",                                show_options,    "slipway image show SHA256",                    run_show},
    {"release list",   "releases",                                 product_options, "slipway release list --product camera",        run_list},
    {"deploy list",    "deployments and where they are",           deploy_options,  "slipway deploy list --group camera/production", run_list},
    {"device show",    "one device: deployments, last reports",    show_options,    "slipway device show DEVICE",                   run_show},
    {"report list",    "what devices said",                        report_options,  "slipway report list --device DEVICE",          run_list},
    {"delta list",     "deltas and what they save",                delta_options,   "slipway delta list --state kept",              run_list},
    {0},
};
/* clang-format on */
