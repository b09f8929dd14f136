/* Groups: made, set up, held, deleted. */
#include <stddef.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/option.h"
#include "cli/send.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct values {
    struct api_options api;
    const char *group;
    const char *name;
    const char *update_policy;
    const char *feed;
    const char *window;
    const char *crash_dumps;
    const char *concurrency;
    const char *bytes_per_hour;
    uint64_t poll_interval_s;
    const char *until;
    const char *reason;
    bool yes;
};

/* clang-format off */
#define GROUP {.name = "GROUP", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, group), .help = "which group, as PRODUCT/GROUP"}
#define TEXT(option, member, sample, what) {.name = (option), .type = OPTION_TEXT, .field = offsetof(struct values, member), .value = (sample), .help = (what)}
#define PROPERTIES \
    {.name = "poll-interval", .type = OPTION_U64, .field = offsetof(struct values, poll_interval_s), .min = 1, .max = 604800, .value = "SECONDS", .help = "how often its devices ask"}, \
    TEXT("update-policy", update_policy, "POLICY", "all, os-only or none"), \
    TEXT("feed", feed, "NAME", "which feed it subscribes to"), \
    TEXT("window", window, "DAYS@START-END", "when devices switch, in their own time: sat,sun@22:00-04:00, daily@02:00-05:00, or none"), \
    TEXT("crash-dumps", crash_dumps, "yes|no", "devices may send dumps and logs"), \
    TEXT("concurrency", concurrency, "N", "devices that fetch at the same time, or none: any number"), \
    TEXT("bytes-per-hour", bytes_per_hour, "N", "bytes granted in an hour, or none: any number")
static const struct option create_options[] = {GROUP, PROPERTIES, API_OPTIONS(struct values), {0}};
static const struct option set_options[] = {GROUP, TEXT("name", name, "NAME", "its new name"), PROPERTIES, API_OPTIONS(struct values), {0}};
static const struct option plain_options[] = {GROUP, API_OPTIONS(struct values), {0}};
static const struct option hold_options[] = {GROUP,
    {.name = "reason", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, reason), .value = "TEXT", .help = "why, for who wonders"},
    TEXT("until", until, "TIME", "2026-12-24T00:00:00Z; otherwise until somebody ends it"), API_OPTIONS(struct values), {0}};
static const struct option delete_options[] = {GROUP,
    {.name = "yes", .type = OPTION_FLAG, .field = offsetof(struct values, yes), .help = "do not ask"}, API_OPTIONS(struct values), {0}};
/* clang-format on */

/* --- properties --------------------------------------------------------------------------------
 */

static void add_days(const char *text, size_t len, json_t *days)
{
    static const char *const daily[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *end = text + len;

    if (len == strlen("daily") && strncmp(text, "daily", len) == 0) {
        for (size_t i = 0; i < COUNT(daily); i++)
            (void)json_array_append_new(days, json_string(daily[i]));
        return;
    }
    while (text <= end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;

        (void)json_array_append_new(days, json_stringn(text, (size_t)(stop - text)));
        text = stop + 1;
    }
}

/* "sat,sun@22:00-04:00" taken apart; what the words mean is the server's to check. */
static json_t *window_of(const char *text)
{
    const char *at = strchr(text, '@');
    const char *dash = at ? strchr(at, '-') : NULL;
    json_t *window, *days;

    if (!dash)
        return NULL;
    window = json_object();
    days = json_array();
    add_days(text, (size_t)(at - text), days);
    (void)json_object_set_new(window, "days", days);
    (void)json_object_set_new(window, "start", json_stringn(at + 1, (size_t)(dash - at - 1)));
    (void)json_object_set_new(window, "end", json_string(dash + 1));
    return window;
}

static bool add_window(const char *text, json_t *body)
{
    json_t *window;

    if (!text)
        return true;
    window = text_equal(text, "none") ? json_null() : window_of(text);
    return window && json_object_set_new(body, "maintenance", window) == 0;
}

static bool add_number(const char *text, const char *field, json_t *body)
{
    uint64_t number;

    if (!text)
        return true;
    if (text_equal(text, "none"))
        return json_object_set_new(body, field, json_null()) == 0;
    return text_to_u64(text, strlen(text), 1, INT64_MAX, &number) &&
           json_object_set_new(body, field, json_integer((json_int_t)number)) == 0;
}

static bool add_truth(const char *text, const char *field, json_t *body)
{
    if (!text)
        return true;
    return (text_equal(text, "yes") || text_equal(text, "no")) &&
           json_object_set_new(body, field, json_boolean(text_equal(text, "yes"))) == 0;
}

static void add_text(const char *text, const char *field, json_t *body)
{
    if (text)
        (void)json_object_set_new(body, field, json_string(text));
}

/* The option that is wrong, or NULL. */
static const char *add_properties(const struct values *values, json_t *body)
{
    if (values->poll_interval_s)
        (void)json_object_set_new(body, "poll_interval_s",
                                  json_integer((json_int_t)values->poll_interval_s));
    add_text(values->name, "name", body);
    add_text(values->update_policy, "update_policy", body);
    add_text(values->feed, "feed", body);
    if (!add_window(values->window, body))
        return "--window is not DAYS@START-END or none";
    if (!add_truth(values->crash_dumps, "crash_dumps", body))
        return "--crash-dumps is not yes or no";
    if (!add_number(values->concurrency, "concurrency", body))
        return "--concurrency is not a number or none";
    if (!add_number(values->bytes_per_hour, "bytes_per_hour", body))
        return "--bytes-per-hour is not a number or none";
    return NULL;
}

/* --- commands ----------------------------------------------------------------------------------
 */

static int run_create(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = json_object();
    AUTO_FREE char *product = NULL, *name = NULL, *line = NULL;
    const char *slash, *wrong;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    slash = strchr(values.group, '/');
    wrong = slash ? add_properties(&values, body) : "the group is not PRODUCT/GROUP";
    if (wrong)
        return cli_usage(cli, "%s", wrong);
    name = mem_strndup(values.group, (size_t)(slash - values.group));
    if (!api_open(&values.api, &api, &err) || !api_product_id(api, name, &product, &err))
        return cli_fail(cli, &err);
    add_text(product, "product", body);
    add_text(slash + 1, "name", body);
    line = mem_printf("group %s", values.group);
    return cli_send(cli, api, &(struct send){"POST", "/groups", TAKE(body), line});
}

/* Opens the server and finds the group: the path to it and what is behind. */
static bool find_group(const struct values *values, const char *suffix, struct api **api,
                       char **path, struct err *err)
{
    AUTO_FREE char *id = NULL;

    if (!api_open(&values->api, api, err) || !api_group_id(*api, values->group, &id, err))
        return false;
    *path = cli_path("/groups/", id, suffix);
    return true;
}

static int run_set(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = json_object();
    AUTO_FREE char *path = NULL, *line = NULL;
    const char *wrong;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    wrong = add_properties(&values, body);
    if (!wrong && json_object_size(body) == 0)
        wrong = "nothing to change: give --poll-interval, --window or another property";
    if (wrong)
        return cli_usage(cli, "%s", wrong);
    if (!find_group(&values, "", &api, &path, &err))
        return cli_fail(cli, &err);
    line = mem_printf("group %s changed", values.group);
    return cli_send(cli, api, &(struct send){"PATCH", path, TAKE(body), line});
}

static int run_show(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!find_group(&values, "", &api, &path, &err))
        return cli_fail(cli, &err);
    return cli_send(cli, api, &(struct send){"GET", path, NULL, NULL});
}

static int run_delete(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL, *line = NULL, *question = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    question = mem_printf("Delete group %s?", values.group);
    if (!cli_ask(cli, values.yes, question, &err) || !find_group(&values, "", &api, &path, &err))
        return cli_fail(cli, &err);
    line = mem_printf("group %s is deleted", values.group);
    return cli_send(cli, api, &(struct send){"DELETE", path, NULL, line});
}

static int run_hold(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL, *line = NULL;
    json_t *body;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!find_group(&values, "/hold", &api, &path, &err))
        return cli_fail(cli, &err);
    body = json_object();
    add_text(values.reason, "reason", body);
    add_text(values.until, "until", body);
    line = mem_printf("group %s is held %s%s", values.group, values.until ? "until " : "",
                      values.until ? values.until : "until somebody ends it");
    return cli_send(cli, api, &(struct send){"POST", path, body, line});
}

static int run_unhold(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL, *line = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!find_group(&values, "/unhold", &api, &path, &err))
        return cli_fail(cli, &err);
    line = mem_printf("group %s is not held any more", values.group);
    return cli_send(cli, api, &(struct send){"POST", path, NULL, line});
}

/* clang-format off */
const struct cli_command cli_group_commands[] = {
    {"group create", "make a group of a product",                create_options, "slipway group create camera/lab --poll-interval 60", run_create},
    {"group set",    "change a group's properties",              set_options,    "slipway group set camera/production --poll-interval 300 --window sat,sun@22:00-04:00", run_set},
    {"group show",   "a group: properties, hold, baseline",      plain_options,  "slipway group show camera/production", run_show},
    {"group delete", "delete a group that has no devices",       delete_options, "slipway group delete camera/lab --yes", run_delete},
    {"group hold",   "keep a group on what it runs",             hold_options,   "slipway group hold camera/production --reason \"trade fair\" --until 2026-12-24T00:00:00Z", run_hold},
    {"group unhold", "end the hold of a group",                  plain_options,  "slipway group unhold camera/production", run_unhold},
    {0},
};
/* clang-format on */
