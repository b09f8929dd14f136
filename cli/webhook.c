/* `slipway webhook`: where events are sent, and what became of each. */
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

enum { TEST_MS_MAX = 15000, TEST_LOOK_MS = 200 };

struct values {
    struct api_options api;
    const char *url;
    struct option_texts events;
    const char *template;
    const char *id;
    const char *delivery;
    const char *state;
    uint64_t limit;
};

#define FIELD(word) offsetof(struct values, word)

/* clang-format off */
#define WEBHOOK {.name = "WEBHOOK", .type = OPTION_ARG, .required = true, .field = FIELD(id), .help = "its id"}
static const struct option add_options[] = {
    {.name = "URL",      .type = OPTION_ARG,   .required = true, .field = FIELD(url), .help = "where events are posted to; https"},
    {.name = "event",    .type = OPTION_TEXTS, .field = FIELD(events),   .value = "NAME", .help = "deployment.halted, issue.*, ... (all); may be given several times"},
    {.name = "template", .type = OPTION_TEXT,  .field = FIELD(template), .value = "json|email|chat", .help = "what is posted (json)"},
    API_OPTIONS(struct values), {0}};
static const struct option list_options[] = {API_OPTIONS(struct values), {0}};
static const struct option one_options[]  = {WEBHOOK, API_OPTIONS(struct values), {0}};
static const struct option log_options[]  = {WEBHOOK,
    {.name = "state", .type = OPTION_TEXT, .field = FIELD(state), .value = "WORD", .help = "queued, delivered or dead"},
    {.name = "limit", .type = OPTION_U64,  .field = FIELD(limit), .min = 1, .value = "N", .help = "at most so many (50)"},
    API_OPTIONS(struct values), {0}};
static const struct option again_options[] = {WEBHOOK,
    {.name = "DELIVERY", .type = OPTION_ARG, .required = true, .field = FIELD(delivery), .help = "its id"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

/* "/webhooks/ID" and more. */
static char *path_of(const struct values *values, const char *more)
{
    AUTO_BUF path;

    buf_init(&path, 4096);
    buf_add_text(&path, "/webhooks/");
    url_encode(values->id, &path);
    buf_add_text(&path, more);
    return mem_strdup(buf_text(&path));
}

static int run_add(int argc, char **argv, struct cli *cli)
{
    struct values values = {.template = "json"};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = json_object();
    AUTO_JSON *answer = NULL;
    json_t *events = json_array();
    struct err err = {0};
    int status;

    (void)json_object_set_new(body, "events", events);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    for (size_t i = 0; i < values.events.count; i++)
        (void)json_array_append_new(events, json_string(values.events.items[i]));
    if (values.events.count == 0)
        (void)json_array_append_new(events, json_string("*"));
    (void)json_object_set_new(body, "url", json_string(values.url));
    (void)json_object_set_new(body, "template", json_string(values.template));
    if (!api_open(&values.api, &api, &err) ||
        !api_call(api, "POST", "/webhooks", body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "webhook %s\nsecret  %s   (shown only now)\n",
                      text_of(answer, "id"), text_of(answer, "secret"));
    return CLI_DONE;
}

static int run_list(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {
        {"URL", "url"},   {"TEMPLATE", "template"},    {"ON", "enabled"}, {"QUEUED", "queued"},
        {"DEAD", "dead"}, {"FIRST EVENT", "events.0"}, {"ID", "id"},      {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !api_list(api, "/webhooks", 0, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), columns);
    return CLI_DONE;
}

static int run_deliveries(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"AT", "at"},
                                            {"EVENT", "event"},
                                            {"STATE", "state"},
                                            {"TRIES", "tries"},
                                            {"STATUS", "status"},
                                            {"MS", "latency_ms"},
                                            {"NEXT TRY", "next_try"},
                                            {"DETAIL", "detail"},
                                            {"ID", "id"},
                                            {0}};
    struct values values = {.limit = 50};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *more = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    more =
        values.state ? mem_printf("/deliveries?state=%s", values.state) : mem_strdup("/deliveries");
    path = path_of(&values, more);
    if (!api_open(&values.api, &api, &err) || !api_list(api, path, values.limit, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        table_print(cli->out, json_object_get(answer, "items"), columns);
    return CLI_DONE;
}

/* --- one call each ------------------------------------------------------------------------------
 */

/* Looks into the log until the delivery was tried. */
static bool wait_for_try(struct api *api, const struct values *values, json_t **delivery,
                         struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + TEST_MS_MAX;
    AUTO_FREE char *path = path_of(values, "/deliveries?limit=50");

    while (clock_mono_ms() < deadline_ms) {
        AUTO_JSON *log = NULL;
        const json_t *item;
        size_t i;

        if (!api_call(api, "GET", path, NULL, &log, err))
            return false;
        json_array_foreach(json_object_get(log, "items"), i, item)
        {
            if (text_equal(text_of(item, "id"), text_of(*delivery, "id")) &&
                (json_is_integer(json_object_get(item, "latency_ms")))) {
                json_decref(*delivery);
                *delivery = json_incref(json_array_get(json_object_get(log, "items"), i));
                return true;
            }
        }
        (void)poll(NULL, 0, TEST_LOOK_MS); /* nothing is polled: it only waits */
    }
    return err_set(err, ERR_UNAVAILABLE, "nobody has tried to send it in %d s", TEST_MS_MAX / 1000);
}

static int run_test(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *delivery = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = path_of(&values, "/test");
    if (!api_open(&values.api, &api, &err) || !api_call(api, "POST", path, NULL, &delivery, &err) ||
        !wait_for_try(api, &values, &delivery, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, delivery);
    else
        (void)fprintf(
            cli->out, "%s: status %" JSON_INTEGER_FORMAT " after %" JSON_INTEGER_FORMAT " ms %s\n",
            text_of(delivery, "state"), json_integer_value(json_object_get(delivery, "status")),
            json_integer_value(json_object_get(delivery, "latency_ms")),
            text_of(delivery, "detail"));
    return text_equal(text_of(delivery, "state"), "delivered") ? CLI_DONE : CLI_FAILED;
}

static int call(int argc, char **argv, struct cli *cli, const char *method)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *more = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    more =
        values.delivery ? mem_printf("/deliveries/%s/redeliver", values.delivery) : mem_strdup("");
    path = path_of(&values, more);
    if (!api_open(&values.api, &api, &err) || !api_call(api, method, path, NULL, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out, "%s %s\n", values.delivery ? "queued" : "removed",
                      text_of(answer, "id"));
    return CLI_DONE;
}

static int run_remove(int argc, char **argv, struct cli *cli)
{
    return call(argc, argv, cli, "DELETE");
}

static int run_redeliver(int argc, char **argv, struct cli *cli)
{
    return call(argc, argv, cli, "POST");
}

/* clang-format off */
const struct cli_command cli_webhook_commands[] = {
    {"webhook add",        "post events to a URL",                  add_options,   "slipway webhook add https://hooks.example.org/x --event 'deployment.*' --template chat", run_add},
    {"webhook list",       "webhooks and their queues",             list_options,  "slipway webhook list",                                    run_list},
    {"webhook test",       "post a test event and show the answer", one_options,   "slipway webhook test 6e9c995f-575e-4a24-a337-df56d6b982de", run_test},
    {"webhook deliveries", "what became of each event",             log_options,   "slipway webhook deliveries 6e9c995f-575e-4a24-a337-df56d6b982de --state dead", run_deliveries},
    {"webhook redeliver",  "send a delivery again",                 again_options, "slipway webhook redeliver 6e9c995f-575e-4a24-a337-df56d6b982de bdc6d773-ef4b-4173-aa6a-283c951773eb", run_redeliver},
    {"webhook remove",     "post no more events",                   one_options,   "slipway webhook remove 6e9c995f-575e-4a24-a337-df56d6b982de", run_remove},
    {0},
};
/* clang-format on */
