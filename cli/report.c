/*
 * `slipway report`: what went wrong on devices. Lists, one issue with everything that hangs on it,
 * and what is said of it. Exports and files are in report_files.c.
 */
#include "cli/report.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    struct report_filters filters;
    uint64_t limit;
    const char *state;
    const char *product;
    const char *component;
    const char *id;
    const char *note;
    const char *name;
};

#define FIELD(word) offsetof(struct values, word)

/* clang-format off */
#define LIMIT {.name = "limit", .type = OPTION_U64, .field = FIELD(limit), .min = 1, .value = "N", .help = "at most so many (all)"}
#define ISSUE {.name = "ISSUE", .type = OPTION_ARG, .required = true, .field = FIELD(id), .help = "its id"}
#define NOTE  {.name = "note", .type = OPTION_TEXT, .field = FIELD(note), .value = "TEXT", .help = "for who looks next"}
static const struct option event_options[] = {REPORT_FILTERS(struct values), LIMIT, API_OPTIONS(struct values), {0}};
static const struct option day_options[] = {
    REPORT_FILTER(struct values, group,    "PRODUCT/GROUP", "only of this group"),
    REPORT_FILTER(struct values, image,    "SHA256",        "only of this image"),
    REPORT_FILTER(struct values, category, "WORD",          "app-crash, watchdog, reboot, ..."),
    REPORT_FILTER(struct values, since,    "TIME",          "from the day of 2026-05-01T00:00:00Z on (30 days)"),
    REPORT_FILTER(struct values, until,    "TIME",          "to the day of it (today)"),
    API_OPTIONS(struct values), {0}};
static const struct option issues_options[] = {
    {.name = "state",     .type = OPTION_TEXT, .field = FIELD(state),     .value = "WORD", .help = "open, resolved, regressed or ignored"},
    {.name = "product",   .type = OPTION_TEXT, .field = FIELD(product),   .value = "NAME", .help = "only of this product"},
    {.name = "component", .type = OPTION_TEXT, .field = FIELD(component), .value = "NAME", .help = "only of this component"},
    REPORT_FILTER(struct values, category, "WORD", "app-crash, watchdog, reboot, ..."),
    REPORT_FILTER(struct values, release, "NAME", "that a release's images had"),
    LIMIT, API_OPTIONS(struct values), {0}};
static const struct option issue_options[]   = {ISSUE, API_OPTIONS(struct values), {0}};
static const struct option note_options[]    = {ISSUE, NOTE, API_OPTIONS(struct values), {0}};
static const struct option resolve_options[] = {ISSUE, NOTE,
    REPORT_FILTER(struct values, release, "NAME", "the first release that is without it"),
    API_OPTIONS(struct values), {0}};
static const struct option assign_options[]  = {ISSUE,
    {.name = "NAME", .type = OPTION_ARG, .required = true, .field = FIELD(name), .help = "who looks after it; '' for nobody"},
    API_OPTIONS(struct values), {0}};
static const struct option plain_options[]   = {LIMIT, API_OPTIONS(struct values), {0}};
/* clang-format on */

/* --- lists -------------------------------------------------------------------------------------
 */

void report_path_add(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(path, "%c%s=", memchr(path->data, '?', path->len) ? '&' : '?', name);
    url_encode(value, path);
}

bool report_path(struct api *api, const char *base, const struct report_filters *filters,
                 struct buf *out, struct err *err)
{
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *release = NULL;

    if ((filters->group && !api_group_id(api, filters->group, &group, err)) ||
        (filters->release && !api_release_id(api, filters->release, NULL, &release, err)))
        return false;
    buf_add_text(out, base);
    report_path_add(out, "group", group);
    report_path_add(out, "device", filters->device);
    report_path_add(out, "release", release);
    report_path_add(out, "image", filters->image);
    report_path_add(out, "issue", filters->issue);
    report_path_add(out, "category", filters->category);
    report_path_add(out, "class", filters->class);
    report_path_add(out, "since", filters->since);
    report_path_add(out, "until", filters->until);
    return !out->failed || err_set(err, ERR_LIMIT, "the filters are too long");
}

struct list {
    const char *command;
    const char *path;
    struct column columns[10];
};

/* clang-format off */
static const struct list lists[] = {
    {"report events",     "/events",       {{"RECEIVED", "received"}, {"DEVICE", "device"}, {"CATEGORY", "category"}, {"COMPONENT", "component"}, {"COUNT", "count"}, {"VERSION", "version"}, {"SUMMARY", "summary"}, {"ISSUE", "issue"}, {0}}},
    {"report days",       "/events/daily", {{"DAY", "day"}, {"CATEGORY", "category"}, {"CLASS", "class"}, {"PLANNED", "planned"}, {"EVENTS", "events"}, {"COUNT", "count"}, {"DEVICES", "devices"}, {"UPTIME S", "uptime_s"}, {0}}},
    {"report issues",     "/issues",       {{"STATE", "state"}, {"DEVICES", "devices"}, {"COUNT", "count"}, {"LAST SEEN", "last_seen"}, {"SINCE RELEASE", "first_release"}, {"ASSIGNEE", "assignee"}, {"TITLE", "title"}, {"ID", "id"}, {0}}},
    {"report quarantine", "/quarantine",   {{"LAST", "last"}, {"DEVICE", "device"}, {"TIMES", "times"}, {"ERROR", "error"}, {0}}},
};
/* clang-format on */

static const struct list *find_list(const char *command)
{
    size_t i = 0;

    while (i < COUNT(lists) && !text_equal(lists[i].command, command))
        i++;
    ASSERT(i < COUNT(lists)); /* every list command has a row */
    return &lists[i];
}

static bool list_path(struct api *api, const struct list *list, const struct values *values,
                      struct buf *path, struct err *err)
{
    AUTO_FREE char *product = NULL;

    if (values->product && !api_product_id(api, values->product, &product, err))
        return false;
    if (!report_path(api, list->path, &values->filters, path, err))
        return false;
    report_path_add(path, "product", product);
    report_path_add(path, "state", values->state);
    report_path_add(path, "component", values->component);
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
    if (!api_open(&values.api, &api, &err) || !list_path(api, list, &values, &path, &err) ||
        !api_list(api, buf_text(&path), values.limit, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), list->columns);
    return CLI_DONE;
}

/* --- one issue ---------------------------------------------------------------------------------
 */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text && text[0] ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_frames(FILE *out, const json_t *issue)
{
    const json_t *names = json_object_get(issue, "frames");
    const json_t *frame;
    size_t i;

    if (json_array_size(json_object_get(issue, "backtrace")) == 0)
        return;
    (void)fprintf(out, "\nbacktrace%s\n",
                  json_is_array(names) ? "" : " (upload debug files: slipway report symbols FILE)");
    json_array_foreach(json_is_array(names) ? names : json_object_get(issue, "backtrace"), i, frame)
    {
        (void)fprintf(
            out, "  #%-2zu %s  %s:%" JSON_INTEGER_FORMAT "  (%.12s+%" JSON_INTEGER_FORMAT ")\n", i,
            text_of(frame, "function"), text_of(frame, "source"), number_of(frame, "line"),
            text_of(frame, "build_id"), number_of(frame, "offset"));
    }
}

static void print_issue(FILE *out, const json_t *issue)
{
    static const struct column versions[] = {{"VERSION", "version"},
                                             {"COUNT", "count"},
                                             {"FIRST SEEN", "first_seen"},
                                             {"LAST SEEN", "last_seen"},
                                             {0}};
    static const struct column days[] = {{"DAY", "day"}, {"COUNT", "count"}, {0}};
    static const struct column samples[] = {{"RECEIVED", "received"},
                                            {"DEVICE", "device"},
                                            {"SUMMARY", "summary"},
                                            {"ATTACHMENT", "attachment"},
                                            {0}};

    (void)fprintf(out, "%s\n%s since %s, %s\n", text_of(issue, "title"), text_of(issue, "state"),
                  text_of(issue, "state_since"), text_of(issue, "id"));
    (void)fprintf(out,
                  "seen %" JSON_INTEGER_FORMAT " times on %" JSON_INTEGER_FORMAT
                  " devices, first %s in release %s, last %s\n",
                  number_of(issue, "count"), number_of(issue, "devices"),
                  text_of(issue, "first_seen"), text_of(issue, "first_release"),
                  text_of(issue, "last_seen"));
    if (json_is_string(json_object_get(issue, "same_as")))
        (void)fprintf(out, "the same functions as in issue %s\n", text_of(issue, "same_as"));
    (void)fprintf(out, "assignee %s, note: %s\n\n", text_of(issue, "assignee"),
                  text_of(issue, "note"));
    table_print(out, json_object_get(issue, "versions"), versions);
    (void)fputc('\n', out);
    table_print(out, json_object_get(issue, "timeline"), days);
    (void)fputc('\n', out);
    table_print(out, json_object_get(issue, "samples"), samples);
    print_frames(out, issue);
}

static bool issue_path(const struct values *values, const char *what, struct buf *out,
                       struct err *err)
{
    buf_add_text(out, "/issues/");
    url_encode(values->id, out);
    buf_add_text(out, what);
    return !out->failed || err_set(err, ERR_INVALID, "the id is too long");
}

static int run_issue(int argc, char **argv, struct cli *cli)
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
    if (!api_open(&values.api, &api, &err) || !issue_path(&values, "", &path, &err) ||
        !api_call(api, "GET", buf_text(&path), NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print_issue(cli->out, answer);
    return CLI_DONE;
}

/* --- what is said of it ------------------------------------------------------------------------
 */

static const struct {
    const char *command;
    const char *method;
    const char *what;
} changes[] = {
    {"report resolve", "POST", "/resolve"},
    {"report reopen", "POST", "/reopen"},
    {"report ignore", "POST", "/ignore"},
    {"report assign", "PATCH", ""},
};

static bool change_body(struct api *api, const struct values *values, json_t **out, struct err *err)
{
    AUTO_FREE char *release = NULL;
    AUTO_JSON *body = json_object();

    if (values->filters.release &&
        !api_release_id(api, values->filters.release, NULL, &release, err))
        return false;
    if (release)
        (void)json_object_set_new(body, "release", json_string(release));
    if (values->note)
        (void)json_object_set_new(body, "note", json_string(values->note));
    if (values->name)
        (void)json_object_set_new(body, "assignee", json_string(values->name));
    *out = TAKE(body);
    return true;
}

static int run_change(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    size_t row = 0;
    AUTO_BUF path;
    int status;

    buf_init(&path, 1024);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    while (!text_equal(changes[row].command, cli->command->name))
        ASSERT(++row < COUNT(changes)); /* every such command has a row */
    if (!api_open(&values.api, &api, &err) || !change_body(api, &values, &body, &err) ||
        !issue_path(&values, changes[row].what, &path, &err) ||
        !api_call(api, changes[row].method, buf_text(&path), body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "%s: %s, assignee %s\n", text_of(answer, "title"),
                      text_of(answer, "state"), text_of(answer, "assignee"));
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_report_commands[] = {
    {"report events",     "errors and notices of devices, newest first", event_options,   "slipway report events --category app-crash --limit 20", run_list},
    {"report days",       "events, devices and uptime by day",           day_options,     "slipway report days --group camera/production",         run_list},
    {"report issues",     "events grouped by what caused them",          issues_options,  "slipway report issues --state regressed",               run_list},
    {"report issue",      "one issue: versions, days, events, backtrace", issue_options,  "slipway report issue 6f0c…",                            run_issue},
    {"report resolve",    "say that an issue is gone",                   resolve_options, "slipway report resolve 6f0c… --release 2.4.1",          run_change},
    {"report reopen",     "say that an issue is not gone",               note_options,    "slipway report reopen 6f0c…",                           run_change},
    {"report ignore",     "count an issue and say nothing more of it",   note_options,    "slipway report ignore 6f0c… --note 'known'",            run_change},
    {"report assign",     "say who looks after an issue",                assign_options,  "slipway report assign 6f0c… kim",                       run_change},
    {"report quarantine", "reports that could not be read",              plain_options,   "slipway report quarantine",                             run_list},
    {0},
};
/* clang-format on */
