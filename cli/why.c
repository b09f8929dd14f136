/*
 * `slipway device why`: what the device's next poll is answered, and the way there, a line a step;
 * `slipway deploy stuck` and `deploy forecast`: who holds a deployment up, and until when.
 */
#include <inttypes.h>
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

enum { BAR_WIDTH = 30 };

struct values {
    struct api_options api;
    const char *id;
    uint64_t limit;
};

/* clang-format off */
static const struct option why_options[] = {
    {.name = "DEVICE", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "its id, 64 hex digits"},
    API_OPTIONS(struct values), {0}};
static const struct option forecast_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    API_OPTIONS(struct values), {0}};
static const struct option stuck_options[] = {
    {.name = "ID",    .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

/* GET of one thing below `path`. */
static bool get(struct api *api, const char *path, const char *id, const char *what, json_t **out,
                struct err *err)
{
    AUTO_BUF full;

    buf_init(&full, 4096);
    buf_add_text(&full, path);
    url_encode(id, &full);
    buf_add_text(&full, what);
    if (full.failed)
        return err_set(err, ERR_INVALID, "the id is too long");
    return api_call(api, "GET", buf_text(&full), NULL, out, err);
}

/* --- why ---------------------------------------------------------------------------------------
 */

static const char *mark_of(const char *verdict)
{
    static const struct {
        const char *verdict;
        const char *mark;
    } marks[] = {{"passes", "ok  "}, {"stops", "STOP"}};

    for (size_t i = 0; i < COUNT(marks); i++) {
        if (text_equal(marks[i].verdict, verdict))
            return marks[i].mark;
    }
    return "-   ";
}

static void print_row(FILE *out, const json_t *row)
{
    (void)fprintf(out, "\nlast deployment: %s of release '%s' (%s): %s", text_of(row, "deployment"),
                  text_of(row, "release"), text_of(row, "deployment_state"), text_of(row, "state"));
    if (!text_equal(text_of(row, "reason"), "NONE"))
        (void)fprintf(out, ", %s %s", text_of(row, "reason"), text_of(row, "detail"));
    (void)fprintf(out, ", since %s\n", text_of(row, "updated"));
}

static void print_why(FILE *out, const json_t *why)
{
    const json_t *answer = json_object_get(why, "answer");
    const json_t *row = json_object_get(why, "row");
    const json_t *item;
    size_t i;

    (void)fprintf(out, "next poll: %s (%s)\n  %s\n\n", text_of(answer, "action"),
                  text_of(answer, "reason"), text_of(answer, "text"));
    json_array_foreach(json_object_get(why, "steps"), i, item)(void)
        fprintf(out, "  %s  %-12s %s\n", mark_of(text_of(item, "verdict")), text_of(item, "step"),
                text_of(item, "text"));
    (void)fprintf(out, "\nlast seen %s, expected %s\n", text_of(why, "last_seen"),
                  text_of(why, "next_poll"));
    if (json_is_object(row))
        print_row(out, row);
    json_array_foreach(json_object_get(why, "refusals"), i, item)(void)
        fprintf(out, "  %s  %s (%s) %s\n", text_of(item, "time"), text_of(item, "reason"),
                text_of(item, "state"), text_of(item, "detail"));
}

static int run_why(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) ||
        !get(api, "/devices/", values.id, "/why", &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print_why(cli->out, answer);
    return CLI_DONE;
}

/* --- forecast ----------------------------------------------------------------------------------
 */

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_forecast(FILE *out, const json_t *answer)
{
    const json_t *forecast = json_object_get(answer, "forecast");
    uint64_t ended = (uint64_t)number_of(answer, "ended");
    uint64_t all =
        ended + (uint64_t)number_of(answer, "left") + (uint64_t)number_of(answer, "under_way");
    char bar[BAR_WIDTH + 1];
    const json_t *phase;
    size_t i;

    progress_bar(ended, all ? all : 1, BAR_WIDTH, bar);
    (void)fprintf(out,
                  "%s, phase %" JSON_INTEGER_FORMAT "\n[%s] %" PRIu64 " of %" PRIu64
                  " devices, %" JSON_INTEGER_FORMAT " under way, %" JSON_INTEGER_FORMAT
                  " asleep\nends %s, or late %s\n\n",
                  text_of(answer, "state"), number_of(answer, "phase"), bar, ended, all,
                  number_of(answer, "under_way"), number_of(answer, "asleep"),
                  text_of(forecast, "likely"), text_of(forecast, "late"));
    json_array_foreach(json_object_get(forecast, "phases"), i, phase)(void) fprintf(
        out,
        "  phase %-3" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT
        " devices  ends %s, or late %s%s\n",
        number_of(phase, "phase"), number_of(phase, "devices"),
        text_of(json_object_get(phase, "likely"), "ends"),
        text_of(json_object_get(phase, "late"), "ends"),
        json_is_true(json_object_get(phase, "waits_for_person")) ? ", then waits for a person"
                                                                 : "");
}

static int run_forecast(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) ||
        !get(api, "/deployments/", values.id, "/forecast", &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print_forecast(cli->out, answer);
    return CLI_DONE;
}

/* --- stuck -------------------------------------------------------------------------------------
 */

static int run_stuck(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"DEVICE", "device"},       {"REASON", "reason"},
                                            {"STATE", "state"},         {"SINCE", "since"},
                                            {"LAST SEEN", "last_seen"}, {"TRIES", "attempts"},
                                            {"REFUSAL", "refusal"},     {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 4096);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    buf_add_text(&path, "/deployments/");
    url_encode(values.id, &path);
    buf_add_text(&path, "/stuck");
    if (!api_open(&values.api, &api, &err) ||
        !api_list(api, buf_text(&path), values.limit, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), columns);
    return CLI_DONE;
}

const struct cli_command cli_why_commands[] = {
    {
        .name = "device why",
        .summary = "why a device gets, or does not get, an update",
        .options = why_options,
        .example = "slipway device why 1f00...c4",
        .run = run_why,
    },
    {
        .name = "deploy forecast",
        .summary = "when a running deployment will have ended",
        .options = forecast_options,
        .example = "slipway deploy forecast 5a0e8a1c-...",
        .run = run_forecast,
    },
    {
        .name = "deploy stuck",
        .summary = "devices that a running deployment waits for, and why",
        .options = stuck_options,
        .example = "slipway deploy stuck 5a0e8a1c-... --limit 20",
        .run = run_stuck,
    },
    {0},
};
