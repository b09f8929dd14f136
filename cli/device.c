/* Devices by hand. A device is named by its id or the first digits of it. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/option.h"
#include "cli/send.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

struct values {
    struct api_options api;
    uint64_t limit;
    const char *group;
    const char *state;
    const char *tag;
    const char *attribute;
    const char *version;
    const char *filter;
    const char *q;
    bool held;
    bool quarantined;
    const char *device;
    const char *by;
    const char *to;
    const char *from;
    struct option_texts devices;
    struct option_texts tags;
    const char *reason;
    const char *until;
    bool whole;
    bool yes;
};

/* clang-format off */
#define DEVICE {.name = "DEVICE", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, device), .help = "its id, or the first digits of it"}
#define TEXT(option, member, sample, what) {.name = (option), .type = OPTION_TEXT, .field = offsetof(struct values, member), .value = (sample), .help = (what)}
#define FLAG(option, member, what) {.name = (option), .type = OPTION_FLAG, .field = offsetof(struct values, member), .help = (what)}
#define REASON {.name = "reason", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, reason), .value = "TEXT", .help = "why, for who wonders"}
static const struct option list_options[] = {
    TEXT("group", group, "PRODUCT/GROUP", "only of this group"), TEXT("state", state, "STATE", "active, quarantined or decommissioned"),
    TEXT("tag", tag, "NAME[=VALUE]", "only with this tag"), TEXT("attribute", attribute, "NAME=VALUE", "only with this attribute"),
    TEXT("version", version, "VERSION", "only those that run it"), TEXT("filter", filter, "FILTER", "only those that it fits, e.g. \"tag.site = 'berlin' and ram >= 512\""),
    TEXT("q", q, "TEXT", "the beginning of an id, or words in tags and attributes"),
    FLAG("held", held, "only held ones"), FLAG("quarantined", quarantined, "only quarantined ones"),
    {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"},
    API_OPTIONS(struct values), {0}};
static const struct option move_options[] = {
    {.name = "to", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, to), .value = "PRODUCT/GROUP", .help = "into which group"},
    TEXT("from", from, "PRODUCT/GROUP", "all devices of this group, instead of single ones"), TEXT("filter", filter, "FILTER", "... or those that it fits"),
    {.name = "DEVICE", .type = OPTION_ARGS, .field = offsetof(struct values, devices), .help = "which ones, by id or first digits"},
    API_OPTIONS(struct values), {0}};
static const struct option reason_options[] = {DEVICE, REASON, API_OPTIONS(struct values), {0}};
static const struct option hold_options[] = {DEVICE, REASON, TEXT("until", until, "TIME", "2026-12-24T00:00:00Z; otherwise until somebody ends it"), API_OPTIONS(struct values), {0}};
static const struct option plain_options[] = {DEVICE, API_OPTIONS(struct values), {0}};
static const struct option end_options[] = {DEVICE, REASON, FLAG("yes", yes, "do not ask"), API_OPTIONS(struct values), {0}};
static const struct option replace_options[] = {
    {.name = "OLD", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, device), .help = "the device that goes"},
    {.name = "NEW", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, by), .help = "the one that takes its place"},
    FLAG("yes", yes, "do not ask"), API_OPTIONS(struct values), {0}};
static const struct option tag_options[] = {DEVICE, FLAG("all", whole, "these are all of its tags: others go"),
    {.name = "NAME=VALUE", .type = OPTION_ARGS, .field = offsetof(struct values, tags), .help = "NAME= takes a tag away"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* --- lists -------------------------------------------------------------------------------------
 */

static void add_query(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(path, "%c%s=", memchr(path->data, '?', path->len) ? '&' : '?', name);
    url_encode(value, path);
}

static bool list_path(struct api *api, const struct values *values, struct buf *path,
                      struct err *err)
{
    AUTO_FREE char *group = NULL;

    if (values->group && !api_group_id(api, values->group, &group, err))
        return false;
    buf_add_text(path, "/devices");
    add_query(path, "group", group);
    add_query(path, "state", values->state);
    add_query(path, "tag", values->tag);
    add_query(path, "attribute", values->attribute);
    add_query(path, "version", values->version);
    add_query(path, "filter", values->filter);
    add_query(path, "q", values->q);
    add_query(path, "held", values->held ? "true" : NULL);
    add_query(path, "quarantined", values->quarantined ? "true" : NULL);
    return !path->failed || err_set(err, ERR_LIMIT, "the filters are too long");
}

static int run_list(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"DEVICE", "device"},
                                            {"GROUP", "group"},
                                            {"STATE", "state"},
                                            {"HELD", "hold.reason"},
                                            {"RUNS", "installed.0.version"},
                                            {"LAST SEEN", "last_seen"},
                                            {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 8192);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !list_path(api, &values, &path, &err))
        return cli_fail(cli, &err);
    return cli_list(cli, api, buf_text(&path), values.limit, columns);
}

/* --- moving ------------------------------------------------------------------------------------
 */

/* What to move: {"to", "devices"} or {"to", "group", "filter"}. */
static bool move_body(struct api *api, const struct values *values, json_t *body, struct err *err)
{
    AUTO_FREE char *to = NULL, *from = NULL;
    json_t *list;

    if (!api_group_id(api, values->to, &to, err) ||
        (values->from && !api_group_id(api, values->from, &from, err)))
        return false;
    (void)json_object_set_new(body, "to", json_string(to));
    if (from)
        (void)json_object_set_new(body, "group", json_string(from));
    if (values->filter)
        (void)json_object_set_new(body, "filter", json_string(values->filter));
    if (from || values->filter)
        return true;
    list = json_array();
    (void)json_object_set_new(body, "devices", list);
    for (size_t i = 0; i < values->devices.count; i++) {
        AUTO_FREE char *id = NULL;

        if (!cli_device_id(api, values->devices.items[i], &id, err))
            return false;
        (void)json_array_append_new(list, json_string(id));
    }
    return true;
}

/* A statement moves so many devices; what is left is asked for again. */
static bool move_all(struct api *api, const json_t *body, json_int_t *moved, struct err *err)
{
    bool more = true;

    while (more) {
        AUTO_JSON *answer = NULL;

        if (!api_call(api, "POST", "/devices:move", body, &answer, err))
            return false;
        *moved += json_integer_value(json_object_get(answer, "moved"));
        more = json_is_true(json_object_get(answer, "more")) && !json_object_get(body, "devices");
    }
    return true;
}

static int run_move(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = json_object();
    json_int_t moved = 0;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if ((values.devices.count > 0) == (values.from || values.filter))
        return cli_usage(cli, "give devices, or --from and --filter");
    if (!api_open(&values.api, &api, &err) || !move_body(api, &values, body, &err) ||
        !move_all(api, body, &moved, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        AUTO_JSON *answer = json_pack("{s:I}", "moved", moved);

        cli_print_json(cli, answer);
    } else {
        (void)fprintf(cli->out, "%" JSON_INTEGER_FORMAT " moved to %s\n", moved, values.to);
    }
    return CLI_DONE;
}

/* --- one device --------------------------------------------------------------------------------
 */

struct deed {
    const char *command;
    const char *suffix;
    const char *done; /* behind the device's name */
};
static const struct deed deeds[] = {
    {"device quarantine", "/quarantine", "is quarantined: it gets nothing"},
    {"device release", "/release", "is in service"},
    {"device hold", "/hold", "is held"},
    {"device unhold", "/unhold", "is not held any more"},
    {"device decommission", "/decommission", "is decommissioned"},
};

static const struct deed *find_deed(const char *command)
{
    size_t i = 0;

    while (i < COUNT(deeds) && !text_equal(deeds[i].command, command))
        i++;
    ASSERT(i < COUNT(deeds)); /* every such command has a row */
    return &deeds[i];
}

static bool ask_first(struct cli *cli, const struct values *values, const char *what,
                      struct err *err)
{
    AUTO_FREE char *question =
        mem_printf("%s device %s for good? Its key never joins again.", what, values->device);

    return cli_ask(cli, values->yes, question, err);
}

static int run_deed(int argc, char **argv, struct cli *cli)
{
    const struct deed *deed = find_deed(cli->command->name);
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *id = NULL, *path = NULL, *line = NULL;
    json_t *body;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if ((text_equal(deed->suffix, "/decommission") &&
         !ask_first(cli, &values, "Decommission", &err)) ||
        !api_open(&values.api, &api, &err) || !cli_device_id(api, values.device, &id, &err))
        return cli_fail(cli, &err);
    path = cli_path("/devices/", id, deed->suffix);
    line = mem_printf("device %.12s %s", id, deed->done);
    body = json_object();
    if (values.reason)
        (void)json_object_set_new(body, "reason", json_string(values.reason));
    if (values.until)
        (void)json_object_set_new(body, "until", json_string(values.until));
    return cli_send(cli, api, &(struct send){"POST", path, body, line});
}

static int run_replace(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *id = NULL, *by = NULL, *path = NULL, *line = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!ask_first(cli, &values, "Replace", &err) || !api_open(&values.api, &api, &err) ||
        !cli_device_id(api, values.device, &id, &err) || !cli_device_id(api, values.by, &by, &err))
        return cli_fail(cli, &err);
    path = cli_path("/devices/", id, "/replace");
    line = mem_printf("device %.12s has the place of %.12s, which is decommissioned", by, id);
    return cli_send(cli, api, &(struct send){"POST", path, json_pack("{s:s}", "by", by), line});
}

/* False: a word is not NAME=VALUE. */
static bool tags_body(const struct values *values, json_t *body)
{
    for (size_t i = 0; i < values->tags.count; i++) {
        const char *text = values->tags.items[i];
        const char *value = strchr(text, '=');

        if (!value || value == text || (values->whole && value[1] == '\0') ||
            json_object_setn_new(body, text, (size_t)(value - text),
                                 value[1] ? json_string(value + 1) : json_null()) != 0)
            return false;
    }
    return values->whole || values->tags.count > 0;
}

static int run_tag(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = json_object();
    AUTO_FREE char *id = NULL, *path = NULL, *line = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!tags_body(&values, body))
        return cli_usage(cli, "give tags as NAME=VALUE");
    if (!api_open(&values.api, &api, &err) || !cli_device_id(api, values.device, &id, &err))
        return cli_fail(cli, &err);
    path = cli_path("/devices/", id, "/tags");
    line = mem_printf("device %.12s is tagged", id);
    return cli_send(cli, api,
                    &(struct send){values.whole ? "PUT" : "PATCH", path, TAKE(body), line});
}

/* clang-format off */
const struct cli_command cli_device_commands[] = {
    {"device list",         "devices, by what is known of them",                      list_options,    "slipway device list --group camera/production --tag site=berlin --held", run_list},
    {"device move",         "move devices into another group",                        move_options,    "slipway device move --to camera/lab 3fa9c2d1\nslipway device move --to camera/lab --from camera/production --filter \"site = 'berlin'\"", run_move},
    {"device quarantine",   "give a device nothing any more; it may still report",     reason_options,  "slipway device quarantine 3fa9c2d1 --reason \"cloned key\"", run_deed},
    {"device release",      "end a device's quarantine",                              plain_options,   "slipway device release 3fa9c2d1", run_deed},
    {"device hold",         "keep a device on what it runs",                          hold_options,    "slipway device hold 3fa9c2d1 --reason \"on show\" --until 2026-12-24T00:00:00Z", run_deed},
    {"device unhold",       "end the hold of a device",                               plain_options,   "slipway device unhold 3fa9c2d1", run_deed},
    {"device decommission", "end a device for good",                                  end_options,     "slipway device decommission 3fa9c2d1 --reason scrapped --yes", run_deed},
    {"device replace",      "after a repair: another device takes its place",         replace_options, "slipway device replace 3fa9c2d1 77e0b1aa --yes", run_replace},
    {"device tag",          "note something about a device",                          tag_options,     "slipway device tag 3fa9c2d1 site=berlin rack=", run_tag},
    {0},
};
/* clang-format on */
