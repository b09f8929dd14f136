/*
 * `slipway import`: shows what would be made, and makes it with --yes. Doing it again makes what is
 * missing and nothing twice: groups by their name, expected devices by their key, claim tokens by
 * an Idempotency-Key of what they are for.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/import.h"
#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { LINES_AT_ONCE = 1000, LINES_BYTES_MAX = 8 << 20 };

struct values {
    struct api_options api;
    const char *product;
    const char *group;
    bool yes;
    struct option_texts files;
};

struct import {
    struct cli *cli;
    struct api *api;
    json_t *plan;
    json_t *report; /* {"groups": [made], "expected": n, "claims": {GROUP: count}} */
    char *product;  /* id */
    const struct values *values;
};

static bool read_files(json_t *plan, enum import_kind kind, const struct values *values,
                       struct err *err)
{
    for (size_t i = 0; i < values->files.count; i++) {
        AUTO_BUF text;

        buf_init(&text, IMPORT_FILE_BYTES_MAX);
        if (!file_read(values->files.items[i], &text, err))
            return false;
        if (!import_add(plan, kind, text.data, text.len, err))
            return err_wrap(err, "%s", values->files.items[i]);
    }
    import_settle(plan, values->group ? values->group : "production");
    return true;
}

/* Groups that the product has not. */
static bool make_groups(struct import *import, struct err *err)
{
    AUTO_FREE char *path = mem_printf("/products/%s/groups", import->product);
    AUTO_JSON *list = NULL;
    json_t *made = json_object_get(import->report, "groups");
    const char *name;
    json_t *count;

    if (!api_list(import->api, path, 0, &list, err))
        return false;
    json_object_foreach(json_object_get(import->plan, "groups"), name, count)
    {
        const json_t *group;
        bool is_there = false;
        size_t i;

        json_array_foreach(json_object_get(list, "items"), i, group) is_there |=
            text_equal(json_string_value(json_object_get(group, "name")), name);
        if (is_there)
            continue;
        (void)json_array_append_new(made, json_string(name));
        if (import->values->yes) {
            AUTO_JSON *body = json_pack("{s:s, s:s}", "product", import->product, "name", name);

            if (!api_call(import->api, "POST", "/groups", body, NULL, err))
                return err_wrap(err, "group '%s'", name);
        }
    }
    return true;
}

static bool send_lines(struct import *import, struct buf *lines, struct err *err)
{
    bool is_sent = lines->len == 0 || !import->values->yes ||
                   api_send(import->api, "POST", "/preregistrations", lines, NULL, err);

    buf_reset(lines);
    return is_sent;
}

/* Devices whose key is known join without a token. */
static bool expect_devices(struct import *import, struct err *err)
{
    AUTO_BUF lines;
    const char *id;
    json_t *device;
    json_int_t count = 0;

    buf_init(&lines, LINES_BYTES_MAX);
    json_object_foreach(json_object_get(import->plan, "devices"), id, device)
    {
        const char *key = json_string_value(json_object_get(device, "public_key"));
        const char *group = json_string_value(json_object_get(device, "group"));
        AUTO_FREE char *place = mem_printf("%s/%s", import->values->product, group);
        AUTO_JSON *line = NULL;
        AUTO_FREE char *text = NULL;

        if (!key)
            continue;
        line = json_pack("{s:s, s:s, s:O}", "public_key", key, "group", place, "tags",
                         json_object_get(device, "tags"));
        text = json_text(line);
        buf_add_text(&lines, text);
        buf_add_text(&lines, "\n");
        if (++count % LINES_AT_ONCE == 0 && !send_lines(import, &lines, err))
            return false;
    }
    (void)json_object_set_new(import->report, "expected", json_integer(count));
    return send_lines(import, &lines, err);
}

/* Devices whose key is not known need tokens: which, and how many. */
static void count_claims(struct import *import)
{
    json_t *claims = json_object_get(import->report, "claims");
    const char *name;
    json_t *count;

    json_object_foreach(json_object_get(import->plan, "groups"), name, count)
    {
        if (json_integer_value(count) > 0)
            (void)json_object_set(claims, name, count);
    }
}

static void print_report(const struct import *import)
{
    FILE *out = import->cli->out;
    const char *will = import->values->yes ? "made" : "would be made";
    const char *name;
    json_t *value;
    size_t i;

    if (import->cli->json) {
        cli_print_json(import->cli, import->report);
        return;
    }
    json_array_foreach(json_object_get(import->report, "groups"), i, value)(void)
        fprintf(out, "group %s: %s\n", json_string_value(value), will);
    (void)fprintf(out, "devices with a key of their own, expected by it: %lld\n",
                  (long long)json_integer_value(json_object_get(import->report, "expected")));
    json_object_foreach(json_object_get(import->report, "claims"), name, value)(void)
        fprintf(out, "  slipway claim new --group %s/%s --count %lld   # the others of it\n",
                import->values->product, name, (long long)json_integer_value(value));
    if (!import->values->yes)
        (void)fprintf(out, "nothing was changed; --yes does it\n");
}

static int run(int argc, char **argv, struct cli *cli, enum import_kind kind)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *plan = import_plan();
    AUTO_JSON *report =
        json_pack("{s:[], s:i, s:{}, s:b}", "groups", "expected", 0, "claims", "done", 0);
    AUTO_FREE char *product = NULL;
    struct import import = {.cli = cli, .plan = plan, .report = report, .values = &values};
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!read_files(plan, kind, &values, &err) || !api_open(&values.api, &api, &err) ||
        !api_product_id(api, values.product, &product, &err))
        return cli_fail(cli, &err);
    import.api = api;
    import.product = product;
    (void)json_object_set_new(
        report, "devices",
        json_integer((json_int_t)json_object_size(json_object_get(plan, "devices"))));
    if (!make_groups(&import, &err) || !expect_devices(&import, &err))
        return cli_fail(cli, &err);
    count_claims(&import);
    (void)json_object_set_new(report, "done", json_boolean(values.yes));
    print_report(&import);
    return CLI_DONE;
}

static int run_hawkbit(int argc, char **argv, struct cli *cli)
{
    return run(argc, argv, cli, IMPORT_HAWKBIT);
}

static int run_mender(int argc, char **argv, struct cli *cli)
{
    return run(argc, argv, cli, IMPORT_MENDER);
}

/* clang-format off */
static const struct option options[] = {
    {.name = "product", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, product), .value = "NAME", .help = "which product they are"},
    {.name = "group",   .type = OPTION_TEXT, .field = offsetof(struct values, group), .value = "NAME", .help = "the group of those that have none there (production)"},
    {.name = "yes",     .type = OPTION_FLAG, .field = offsetof(struct values, yes), .help = "do it; otherwise it is only shown"},
    {.name = "FILE",    .type = OPTION_ARGS, .required = true, .field = offsetof(struct values, files), .help = "answers of the other server's API, saved"},
    API_OPTIONS(struct values), {0}};
const struct cli_command cli_import_commands[] = {
    {"import hawkbit", "take over targets of a hawkBit server",  options, "slipway import hawkbit --product camera targets.json", run_hawkbit},
    {"import mender",  "take over devices of a Mender server",   options, "slipway import mender --product camera inventory.json devauth.json --yes", run_mender},
    {0},
};
/* clang-format on */
