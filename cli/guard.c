/* What keeps things as they are, or lets one device do more: freezes, capabilities; and what images
 * are made of. */
#include <stddef.h>
#include <string.h>

#include "cli/option.h"
#include "cli/send.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { SBOM_FILE_MAX = 4 << 20 };

struct values {
    struct api_options api;
    const char *id;
    const char *from;
    const char *to;
    const char *reason;
    const char *device;
    const char *name;
    const char *file;
    uint64_t days;
    uint64_t limit;
    bool past;
};

/* clang-format off */
#define ARG(title, member, what) {.name = (title), .type = OPTION_ARG, .required = true, .field = offsetof(struct values, member), .help = (what)}
#define REASON {.name = "reason", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, reason), .value = "TEXT", .help = "why, for who wonders"}
#define LIST {.name = "past", .type = OPTION_FLAG, .field = offsetof(struct values, past), .help = "also what is over"}, \
    {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"}
static const struct option freeze_options[] = {
    {.name = "from", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, from), .value = "TIME", .help = "2026-12-20T00:00:00Z"},
    {.name = "to", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, to), .value = "TIME", .help = "2027-01-03T00:00:00Z"},
    REASON, API_OPTIONS(struct values), {0}};
static const struct option list_options[] = {LIST, API_OPTIONS(struct values), {0}};
static const struct option remove_options[] = {ARG("ID", id, "as the list shows it"), API_OPTIONS(struct values), {0}};
static const struct option issue_options[] = {
    ARG("DEVICE", device, "its id, or the first digits of it"), ARG("NAME", name, "debug-shell or sideload"),
    {.name = "days", .type = OPTION_U64, .field = offsetof(struct values, days), .min = 1, .max = 30, .value = "N", .help = "for so many days (1)"},
    REASON, API_OPTIONS(struct values), {0}};
static const struct option capability_options[] = {
    {.name = "device", .type = OPTION_TEXT, .field = offsetof(struct values, device), .value = "DEVICE", .help = "only of this device"},
    LIST, API_OPTIONS(struct values), {0}};
static const struct option sbom_options[] = {
    ARG("SHA256", id, "which image"),
    {.name = "put", .type = OPTION_TEXT, .field = offsetof(struct values, file), .value = "FILE", .help = "store this document; otherwise the stored one is printed"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* --- freezes -----------------------------------------------------------------------------------
 */

static int run_freeze_add(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *line = NULL;
    json_t *body;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    body = json_pack("{s:s, s:s, s:s}", "starts", values.from, "ends", values.to, "reason",
                     values.reason);
    if (!body)
        return cli_usage(cli, "the reason is not UTF-8");
    if (!api_open(&values.api, &api, &err)) {
        json_decref(body);
        return cli_fail(cli, &err);
    }
    line = mem_printf("nothing switches from %s to %s", values.from, values.to);
    return cli_send(cli, api, &(struct send){"POST", "/freezes", body, line});
}

static int run_freeze_list(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"FROM", "starts"},
                                            {"TO", "ends"},
                                            {"HOLDS", "holds"},
                                            {"REASON", "reason"},
                                            {"REMOVED", "removed"},
                                            {"ID", "id"},
                                            {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    return cli_list(cli, api, values.past ? "/freezes?past=true" : "/freezes", values.limit,
                    columns);
}

/* `METHOD prefix/ID/suffix` without a body. */
static int send_to(struct cli *cli, const struct values *values, const struct send *send)
{
    AUTO_API struct api *api = NULL;
    struct err err = {0};

    if (!api_open(&values->api, &api, &err))
        return cli_fail(cli, &err);
    return cli_send(cli, api, send);
}

static int run_freeze_remove(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_FREE char *path = NULL;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = cli_path("/freezes/", values.id, "");
    return send_to(cli, &values,
                   &(struct send){"DELETE", path, NULL, "the freeze is out of the calendar"});
}

/* --- capabilities ------------------------------------------------------------------------------
 */

static int run_issue(int argc, char **argv, struct cli *cli)
{
    struct values values = {.days = 1};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *id = NULL, *path = NULL;
    char expires[TEXT_TIME_ROOM];
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !cli_device_id(api, values.device, &id, &err))
        return cli_fail(cli, &err);
    path = cli_path("/devices/", id, "/capabilities");
    text_from_time(clock_now_ms() + (int64_t)values.days * 24 * 3600 * 1000 - 1000, expires);
    return cli_send(cli, api,
                    &(struct send){"POST", path,
                                   json_pack("{s:s, s:s, s:s}", "name", values.name, "expires",
                                             expires, "reason", values.reason),
                                   NULL});
}

static int run_capability_list(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"DEVICE", "device"},
                                            {"MAY", "name"},
                                            {"UNTIL", "expires"},
                                            {"REASON", "reason"},
                                            {"REVOKED", "revoked"},
                                            {"ID", "id"},
                                            {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *id = NULL, *path = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) ||
        (values.device && !cli_device_id(api, values.device, &id, &err)))
        return cli_fail(cli, &err);
    path = mem_printf("%s%s/capabilities%s", id ? "/devices/" : "", id ? id : "",
                      values.past ? "?past=true" : "");
    return cli_list(cli, api, path, values.limit, columns);
}

static int run_capability_revoke(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_FREE char *path = NULL;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = cli_path("/capabilities/", values.id, "/revoke");
    return send_to(cli, &values, &(struct send){"POST", path, NULL, "the capability is revoked"});
}

/* --- what an image is made of ------------------------------------------------------------------
 */

static bool put_sbom(struct api *api, const char *path, const char *file, json_t **answer,
                     struct err *err)
{
    AUTO_BUF document;

    buf_init(&document, SBOM_FILE_MAX);
    return file_read(file, &document, err) && api_send(api, "PUT", path, &document, answer, err);
}

static int run_sbom(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    path = cli_path("/images/", values.id, "/sbom");
    if (!api_open(&values.api, &api, &err) ||
        !(values.file ? put_sbom(api, path, values.file, &answer, &err)
                      : api_call(api, "GET", path, NULL, &answer, &err)))
        return cli_fail(cli, &err);
    if (cli->json || !values.file)
        cli_print_json(cli, answer);
    else
        table_print_object(cli->out, answer);
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_guard_commands[] = {
    {"freeze add",        "let nothing switch for a time",                   freeze_options,     "slipway freeze add --from 2026-12-20T00:00:00Z --to 2027-01-03T00:00:00Z --reason holidays", run_freeze_add},
    {"freeze list",       "times in which nothing switches",                 list_options,       "slipway freeze list", run_freeze_list},
    {"freeze remove",     "take a freeze out of the calendar",               remove_options,     "slipway freeze remove 0b8a5e0e-5d0c-4b43-9d0f-0c5f7a4f1d11", run_freeze_remove},
    {"capability issue",  "note what one device may do for a while",         issue_options,      "slipway capability issue 3fa9c2d1 debug-shell --days 2 --reason \"ticket 4711\"", run_issue},
    {"capability list",   "what devices may do for a while",                 capability_options, "slipway capability list --device 3fa9c2d1", run_capability_list},
    {"capability revoke", "end a capability",                                remove_options,     "slipway capability revoke 0b8a5e0e-5d0c-4b43-9d0f-0c5f7a4f1d11", run_capability_revoke},
    {"image sbom",        "what an image is made of: SPDX or CycloneDX",      sbom_options,       "slipway image sbom 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --put image.spdx.json", run_sbom},
    {0},
};
/* clang-format on */
