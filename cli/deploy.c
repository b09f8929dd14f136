/* Deployments: made and looked at. Steering, watching and choosing a salt have files of their own.
 */
#include "cli/deploy.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/deploy_body.h"
#include "cli/deploy_view.h"
#include "cli/option.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    const char *id;
    const char *state;
    const char *verdict;
    const char *stratum;
    const char *reason;
    uint64_t limit;
};

/* clang-format off */
static const struct option create_options[] = {DEPLOY_BODY_OPTIONS, {0}};
static const struct option show_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    API_OPTIONS(struct values), {0}};
static const struct option devices_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    {.name = "state", .type = OPTION_TEXT, .field = offsetof(struct values, state), .value = "STATE", .help = "only in this state, e.g. rolled-back"},
    {.name = "verdict", .type = OPTION_TEXT, .field = offsetof(struct values, verdict), .value = "WORD", .help = "only success, failure, device or server"},
    {.name = "stratum", .type = OPTION_TEXT, .field = offsetof(struct values, stratum), .value = "N", .help = "only of this stratum"},
    {.name = "reason", .type = OPTION_TEXT, .field = offsetof(struct values, reason), .value = "NAME", .help = "only those that said this, e.g. TARGET_HASH"},
    {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"},
    API_OPTIONS(struct values), {0}};
static const struct column devices_columns[] = {
    {"DEVICE", "device"}, {"PHASE", "phase"}, {"STRATUM", "stratum"}, {"STATE", "state"}, {"VERDICT", "verdict"}, {"REASON", "reason"}, {"DETAIL", "detail"}, {"FETCHED", "fetched_bytes"}, {0}};
static const struct column strata_columns[] = {
    {"STRATUM", "stratum"}, {"HARDWARE", "hwid"}, {"FROM", "source_version"}, {"TOUCHED", "touched"}, {"OPEN", "open"}, {"SUCCEEDED", "succeeded"}, {"FAILED", "failed"}, {"DEVICE", "device"}, {"SERVER", "server"}, {"STOPPED", "halted"}, {0}};
static const struct column verdict_columns[] = {
    {"AT", "at"}, {"PHASE", "phase"}, {"GATE", "gate"}, {"VERDICT", "verdict"}, {"STRATUM", "stratum"}, {0}};
/* clang-format on */

bool deploy_parse_time(const char *text, uint64_t *out_s, struct err *err)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t len = strlen(text);

    for (size_t i = 0; len > 1 && i < COUNT(units); i++) {
        if (text[len - 1] != units[i].unit)
            continue;
        if (!text_to_u64(text, len - 1, 0, 100000000 / units[i].seconds, out_s))
            break;
        *out_s *= units[i].seconds;
        return true;
    }
    return err_set(err, ERR_INVALID, "'%s' is not a time like 90s, 10m, 2h or 1d", text);
}

static int run_create(int argc, char **argv, struct cli *cli)
{
    struct deploy_body values = DEPLOY_BODY_UNSAID;
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    const char *id;
    bool waits;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !deploy_body_make(api, &values, &body, &err) ||
        !api_call(api, "POST", "/deployments", body, &answer, &err))
        return cli_fail(cli, &err);
    id = json_string_value(json_object_get(answer, "id"));
    waits = json_string_value(json_object_get(answer, "state")) &&
            text_equal(json_string_value(json_object_get(answer, "state")), "awaiting-approval");
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "deployment %s: %s to %s\n%s: slipway deploy %s %s\n", id,
                      values.release, values.group,
                      waits ? "it waits for another person" : "watch it",
                      waits ? "approve" : "watch", id);
    return CLI_DONE;
}

static int run_show(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    AUTO_BUF path;
    AUTO_BUF page;
    int status;

    buf_init(&path, 1024);
    buf_init(&page, DEPLOY_PAGE_MAX);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    buf_add_text(&path, "/deployments/");
    url_encode(values.id, &path);
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "GET", buf_text(&path), NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        cli_print_json(cli, answer);
        return CLI_DONE;
    }
    deploy_print(answer, &page);
    (void)fprintf(cli->out, "%s\nstrata\n", buf_text(&page));
    table_print(cli->out, json_object_get(answer, "strata"), strata_columns);
    (void)fprintf(cli->out, "\nverdicts\n");
    table_print(cli->out, json_object_get(answer, "verdicts"), verdict_columns);
    return CLI_DONE;
}

static void add_query(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(path, "%c%s=", strchr(buf_text(path), '?') ? '&' : '?', name);
    url_encode(value, path);
}

static int run_devices(int argc, char **argv, struct cli *cli)
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
    buf_add_text(&path, "/deployments/");
    url_encode(values.id, &path);
    buf_add_text(&path, "/devices");
    add_query(&path, "state", values.state);
    add_query(&path, "verdict", values.verdict);
    add_query(&path, "stratum", values.stratum);
    add_query(&path, "reason", values.reason);
    if (!api_open(&values.api, &api, &err) ||
        !api_list(api, buf_text(&path), values.limit, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), devices_columns);
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_deploy_commands[] = {
    {"deploy create",  "send a release to a group, in phases",        create_options,  "slipway deploy create --group camera/production --release 2.4.0 --phases 5%,50%,100% --soak 1h", run_create},
    {"deploy show",    "a deployment: phases, gates, strata, verdicts",  show_options,    "slipway deploy show ID", run_show},
    {"deploy watch",   "follow a deployment until it ends",           deploy_watch_options, "slipway deploy watch ID", deploy_run_watch},
    {"deploy devices", "the devices it was offered to, and how they fare", devices_options, "slipway deploy devices ID --state rolled-back", run_devices},
    {"deploy salt",    "a salt that puts certain devices into the first phase", deploy_salt_options, "slipway deploy salt --group camera/production --phase-percent 5 --first DEVICE --others 5-15", deploy_run_salt},
    {0},
};
/* clang-format on */
