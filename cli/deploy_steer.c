/* `slipway deploy`: the moves that people make, and the switch that stops everything. */
#include "cli/deploy.h"

#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/deploy_view.h"
#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    const char *id;
    const char *group;
    const char *reason;
    uint64_t phase;
};

/* clang-format off */
#define ID {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"}
#define GROUP {.name = "group", .type = OPTION_TEXT, .field = offsetof(struct values, group), .value = "PRODUCT/GROUP", .help = "only in this group (the whole tenant)"}
static const struct option move_options[] = {ID, API_OPTIONS(struct values), {0}};
static const struct option advance_options[] = {ID,
    {.name = "phase", .type = OPTION_U64, .field = offsetof(struct values, phase), .min = 1, .max = 50, .value = "N", .help = "the phase that is meant: nothing happens when another runs by now"},
    API_OPTIONS(struct values), {0}};
static const struct option stop_options[] = {GROUP,
    {.name = "reason", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, reason), .value = "TEXT", .help = "why, for everybody who wonders"},
    API_OPTIONS(struct values), {0}};
static const struct option allow_options[] = {GROUP, API_OPTIONS(struct values), {0}};
/* clang-format on */

static bool post(const struct values *values, const char *move, const json_t *body, json_t **out,
                 struct err *err)
{
    AUTO_API struct api *api = NULL;
    AUTO_BUF path;

    buf_init(&path, 1024);
    buf_add_text(&path, "/deployments/");
    url_encode(values->id, &path);
    buf_printf(&path, "/%s", move);
    return api_open(&values->api, &api, err) &&
           api_call(api, "POST", buf_text(&path), body, out, err);
}

/* The last word of the command is the last part of the path. */
static int run_move(int argc, char **argv, struct cli *cli)
{
    const char *move = strchr(cli->command->name, ' ') + 1;
    struct values values = {0};
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (values.phase > 0)
        body = json_pack("{s:I}", "phase", (json_int_t)values.phase);
    if (!post(&values, move, body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else if (text_equal(move, "advance"))
        (void)fprintf(cli->out, "deployment %s goes on from phase %lld\n", values.id,
                      (long long)json_integer_value(json_object_get(answer, "phase")));
    else
        (void)fprintf(cli->out, "deployment %s is %s\n", values.id, deploy_text(answer, "state"));
    return CLI_DONE;
}

static int run_rollback(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!post(&values, "rollback", NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out,
                      "deployment %s: %s goes back to %s\nwatch it: slipway deploy watch %s\n",
                      deploy_text(answer, "id"), deploy_text(answer, "group"),
                      deploy_text(answer, "release"), deploy_text(answer, "id"));
    return CLI_DONE;
}

/* The switch is a property of the tenant and of each group. */
static bool patch_switch(const struct values *values, json_t **out, struct err *err)
{
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *body = json_pack("{s:b, s:s*}", "updates_stopped", values->reason != NULL, "reason",
                                values->reason);

    if (!api_open(&values->api, &api, err) ||
        (values->group && !api_group_id(api, values->group, &group, err)))
        return false;
    path = group ? mem_printf("/groups/%s", group) : mem_strdup("/tenant");
    return api_call(api, "PATCH", path, body, out, err);
}

static int run_switch(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!patch_switch(&values, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "%s %s: updates are %s\n", values.group ? "group" : "tenant",
                      values.group ? values.group : deploy_text(answer, "name"),
                      values.reason ? "stopped; nobody is offered anything or switches"
                                    : "allowed");
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_deploy_steer_commands[] = {
    {"deploy start",     "start a draft, or what is scheduled before its time", move_options, "slipway deploy start ID", run_move},
    {"deploy pause",     "no new offers and no activation, for now",    move_options,    "slipway deploy pause ID", run_move},
    {"deploy resume",    "go on after a pause",                         move_options,    "slipway deploy resume ID", run_move},
    {"deploy advance",   "let a phase that waits for a person go on",   advance_options, "slipway deploy advance ID --phase 2", run_move},
    {"deploy abort",     "stop for good; what is not activated is withdrawn", move_options, "slipway deploy abort ID", run_move},
    {"deploy rollback",  "take every device that has it back to the baseline", move_options, "slipway deploy rollback ID", run_rollback},
    {"deploy stop-all",  "the kill switch: no offer and no activation at all", stop_options, "slipway deploy stop-all --group camera/production --reason \"smoke in the lab\"", run_switch},
    {"deploy allow-all", "take the kill switch back",                   allow_options,   "slipway deploy allow-all --group camera/production", run_switch},
    {0},
};
/* clang-format on */
