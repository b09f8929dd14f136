/* Deployments: started, steered, looked at. Watching and choosing a salt have files of their own.
 */
#include "cli/deploy.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/option.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    const char *group;
    const char *release;
    const char *phases;
    const char *soak;
    uint64_t failed_percent;
    uint64_t min_finished;
    const char *salt;
    bool downgrade;
    const char *id;
    const char *state;
    uint64_t limit;
};

/* clang-format off */
static const struct option create_options[] = {
    {.name = "group",   .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, group), .value = "PRODUCT/GROUP", .help = "who gets it"},
    {.name = "release", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, release), .value = "NAME", .help = "what they get"},
    {.name = "phases",  .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, phases), .value = "5%,50%,100%", .help = "cumulative shares, rising to 100%"},
    {.name = "soak",    .type = OPTION_TEXT, .field = offsetof(struct values, soak), .value = "TIME", .help = "how long a complete phase is watched: 90s, 10m, 2h, 1d (0s)"},
    {.name = "failed-percent", .type = OPTION_U64, .field = offsetof(struct values, failed_percent), .max = 100, .value = "F", .help = "halt when more than F % failed (10) ..."},
    {.name = "min-finished",   .type = OPTION_U64, .field = offsetof(struct values, min_finished), .min = 1, .max = 1000000000, .value = "N", .help = "... among at least N that finished (3)"},
    {.name = "salt",    .type = OPTION_TEXT, .field = offsetof(struct values, salt), .value = "TEXT", .help = "decides which devices come first; see 'deploy salt'"},
    {.name = "downgrade", .type = OPTION_FLAG, .field = offsetof(struct values, downgrade), .help = "back to an older release, if the newer one was signed with --back-to"},
    API_OPTIONS(struct values), {0}};
static const struct option move_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    API_OPTIONS(struct values), {0}};
static const struct option devices_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    {.name = "state", .type = OPTION_TEXT, .field = offsetof(struct values, state), .value = "STATE", .help = "only in this state, e.g. rolled-back"},
    {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"},
    API_OPTIONS(struct values), {0}};
static const struct column devices_columns[] = {
    {"DEVICE", "device"}, {"PHASE", "phase"}, {"STATE", "state"}, {"REASON", "reason"}, {"DETAIL", "detail"}, {"FETCHED", "fetched_bytes"}, {0}};
/* clang-format on */

/* "12.5%" to 12.5; the server checks order and range and names the field. */
static bool parse_share(const char *text, size_t len, double *out)
{
    AUTO_FREE char *number = NULL;
    char *end;

    if (len < 2 || text[len - 1] != '%')
        return false;
    number = mem_strndup(text, len - 1);
    if (strspn(number, "0123456789.") != len - 1)
        return false;
    *out = strtod(number, &end);
    return *end == '\0';
}

bool deploy_parse_phases(const char *text, json_t **out, struct err *err)
{
    AUTO_JSON *phases = json_array();

    for (;;) {
        const char *end = strchrnul(text, ',');
        double share;

        if (!parse_share(text, (size_t)(end - text), &share))
            return err_set(err, ERR_INVALID, "'%.*s' is not a share like 5%% or 12.5%%",
                           (int)(end - text), text);
        /* Whole numbers stay whole: 5, not 5.0. */
        (void)json_array_append_new(phases, share == (double)(int)share
                                                ? json_pack("{s:i}", "percent", (int)share)
                                                : json_pack("{s:f}", "percent", share));
        if (!*end)
            break;
        text = end + 1;
    }
    *out = json_incref(phases);
    return true;
}

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

static bool make_body(struct api *api, const struct values *values, json_t **out, struct err *err)
{
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *release = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *found = NULL;
    AUTO_JSON *phases = NULL;
    uint64_t soak_s = 0;

    if (!deploy_parse_phases(values->phases, &phases, err) ||
        (values->soak && !deploy_parse_time(values->soak, &soak_s, err)) ||
        !api_group_id(api, values->group, &group, err))
        return false;
    path = mem_printf("/groups/%s", group);
    if (!api_call(api, "GET", path, NULL, &found, err) ||
        !api_release_id(api, values->release,
                        json_string_value(json_object_get(found, "product_id")), &release, err))
        return false;
    *out = json_pack("{s:s, s:s, s:O, s:I, s:{s:I, s:I}}", "group", group, "release", release,
                     "phases", phases, "soak_s", (json_int_t)soak_s, "gate", "failed_percent",
                     (json_int_t)values->failed_percent, "min_finished",
                     (json_int_t)values->min_finished);
    if (values->salt)
        (void)json_object_set_new(*out, "salt", json_string(values->salt));
    if (values->downgrade)
        (void)json_object_set_new(*out, "action", json_string("downgrade"));
    return true;
}

static int run_create(int argc, char **argv, struct cli *cli)
{
    struct values values = {.failed_percent = 10, .min_finished = 3};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    const char *id;
    bool waits;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !make_body(api, &values, &body, &err) ||
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

/* pause, resume, abort: the last word of the command is the last part of the path. */
static int run_move(int argc, char **argv, struct cli *cli)
{
    const char *move = strchr(cli->command->name, ' ') + 1;
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
    buf_printf(&path, "/%s", move);
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "POST", buf_text(&path), NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "deployment %s is %s\n", values.id,
                      json_string_value(json_object_get(answer, "state")));
    return CLI_DONE;
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
    if (values.state) {
        buf_add_text(&path, "?state=");
        url_encode(values.state, &path);
    }
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
    {"deploy watch",   "follow a deployment until it ends",           deploy_watch_options, "slipway deploy watch ID", deploy_run_watch},
    {"deploy devices", "the devices it was offered to, and how they fare", devices_options, "slipway deploy devices ID --state rolled-back", run_devices},
    {"deploy pause",   "no new offers and no activation, for now",    move_options,    "slipway deploy pause ID", run_move},
    {"deploy resume",  "go on after a pause",                         move_options,    "slipway deploy resume ID", run_move},
    {"deploy abort",   "stop for good; what is not activated is withdrawn", move_options, "slipway deploy abort ID", run_move},
    {"deploy salt",    "a salt that puts certain devices into the first phase", deploy_salt_options, "slipway deploy salt --group camera/production --phase-percent 5 --first DEVICE --others 5-15", deploy_run_salt},
    {0},
};
/* clang-format on */
