/* How devices join: tokens, lists of expected devices, acceptance by hand. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/option.h"
#include "cli/send.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum {
    LINES_AT_ONCE = 2000,
    LIST_BYTES_MAX = 64 << 20,
    CHUNK_BYTES_MAX = 1 << 20,
    DEVICE_LEN = 64
};

struct values {
    struct api_options api;
    const char *group;
    uint64_t count;
    uint64_t days;
    uint64_t limit;
    const char *id;
    const char *file;
    bool waiting;
};

/* clang-format off */
#define GROUP(needed) {.name = "group", .type = OPTION_TEXT, .required = (needed), .field = offsetof(struct values, group), .value = "PRODUCT/GROUP", .help = "which group, as PRODUCT/GROUP"}
#define LIMIT {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"}
#define ARG(title, what) {.name = (title), .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = (what)}
static const struct option token_options[] = {
    GROUP(true),
    {.name = "count", .type = OPTION_U64, .field = offsetof(struct values, count), .min = 1, .max = 10000000, .value = "N", .help = "for so many devices (1)"},
    {.name = "days", .type = OPTION_U64, .field = offsetof(struct values, days), .min = 1, .max = 3650, .value = "N", .help = "valid for so many days (7)"},
    API_OPTIONS(struct values), {0}};
static const struct option revoke_options[] = {ARG("ID", "as 'slipway claim list' shows it"), API_OPTIONS(struct values), {0}};
static const struct option preregister_options[] = {
    {.name = "FILE", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, file), .help = "lines of JSON {\"device\" or \"public_key\", \"group\", \"tags\"}, or of device ids"},
    GROUP(false), API_OPTIONS(struct values), {0}};
static const struct option expected_options[] = {
    GROUP(false), {.name = "waiting", .type = OPTION_FLAG, .field = offsetof(struct values, waiting), .help = "only those that did not come yet"},
    LIMIT, API_OPTIONS(struct values), {0}};
static const struct option pending_options[] = {LIMIT, API_OPTIONS(struct values), {0}};
static const struct option accept_options[] = {ARG("DEVICE", "its whole id, as 'slipway claim pending' shows it"), GROUP(true), API_OPTIONS(struct values), {0}};
static const struct option reject_options[] = {ARG("DEVICE", "its whole id, as 'slipway claim pending' shows it"), API_OPTIONS(struct values), {0}};
/* clang-format on */

/* --- tokens ------------------------------------------------------------------------------------
 */

static int run_token(int argc, char **argv, struct cli *cli)
{
    struct values values = {.count = 1, .days = 7};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    char expires[TEXT_TIME_ROOM];
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !api_group_id(api, values.group, &group, &err))
        return cli_fail(cli, &err);
    text_from_time(clock_now_ms() + (int64_t)values.days * 24 * 3600 * 1000, expires);
    body = json_pack("{s:s, s:I, s:s}", "group", group, "count", (json_int_t)values.count,
                     "expires", expires);
    if (!api_call(api, "POST", "/claim-tokens", body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        (void)fprintf(cli->out,
                      "claim token for %" PRIu64 " devices of %s, until %s, shown only now:\n%s\n",
                      values.count, values.group, expires,
                      json_string_value(json_object_get(answer, "token")));
    return CLI_DONE;
}

/* POST prefix/ID/suffix with the body. */
static int send_to(struct cli *cli, const struct values *values, const char *prefix,
                   const char *suffix, const char *done)
{
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *path = cli_path(prefix, values->id, suffix);
    AUTO_FREE char *group = NULL;
    json_t *body;
    struct err err = {0};

    if (!api_open(&values->api, &api, &err) ||
        (values->group && !api_group_id(api, values->group, &group, &err)))
        return cli_fail(cli, &err);
    body = json_object();
    if (group)
        (void)json_object_set_new(body, "group", json_string(group));
    return cli_send(cli, api, &(struct send){"POST", path, body, done});
}

static int run_revoke(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_FREE char *line = NULL;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    line = mem_printf("claim token %s is revoked", values.id);
    return send_to(cli, &values, "/claim-tokens/", "/revoke", line);
}

/* --- expected ones -----------------------------------------------------------------------------
 */

struct sums {
    json_int_t added, changed, claimed;
};

/* A line of a bare id is one of a device. */
static void add_line(const char *line, size_t len, struct buf *out)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len == DEVICE_LEN && line[0] != '{')
        buf_printf(out, "{\"device\":\"%.*s\"}\n", (int)len, line);
    else
        buf_printf(out, "%.*s\n", (int)len, line);
}

static bool send_lines(struct api *api, const char *group, size_t first, const struct buf *lines,
                       struct sums *sums, struct err *err)
{
    AUTO_FREE char *path =
        group ? mem_printf("/preregistrations?first_line=%zu&group=%s", first, group)
              : mem_printf("/preregistrations?first_line=%zu", first);
    AUTO_JSON *answer = NULL;

    if (!api_send(api, "POST", path, lines, &answer, err))
        return false;
    sums->added += json_integer_value(json_object_get(answer, "added"));
    sums->changed += json_integer_value(json_object_get(answer, "changed"));
    sums->claimed += json_integer_value(json_object_get(answer, "claimed"));
    return true;
}

/* So many lines, and so many bytes, at a time; what was taken before a mistake stays, and the list
 * may be sent again. */
static bool send_list(struct api *api, const char *group, const struct buf *list, struct sums *sums,
                      struct err *err)
{
    const char *at = (const char *)list->data;
    const char *end = at + list->len;
    size_t line = 1;

    while (at < end) {
        size_t first = line;
        AUTO_BUF chunk;

        buf_init(&chunk, CHUNK_BYTES_MAX);
        while (at < end && line - first < LINES_AT_ONCE && chunk.len < CHUNK_BYTES_MAX / 2) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            size_t len = (size_t)((newline ? newline : end) - at);

            add_line(at, len, &chunk);
            at += newline ? len + 1 : len;
            line++;
        }
        if (chunk.failed)
            return err_set(err, ERR_LIMIT, "a line behind %zu is too long", first);
        if (!send_lines(api, group, first, &chunk, sums, err))
            return false;
    }
    return true;
}

static int run_preregister(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    struct sums sums = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL;
    struct err err = {0};
    int status;
    AUTO_BUF list;

    buf_init(&list, LIST_BYTES_MAX);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!file_read(values.file, &list, &err) || !api_open(&values.api, &api, &err) ||
        (values.group && !api_group_id(api, values.group, &group, &err)) ||
        !send_list(api, group, &list, &sums, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        AUTO_JSON *answer = json_pack("{s:I, s:I, s:I}", "added", sums.added, "changed",
                                      sums.changed, "claimed", sums.claimed);

        cli_print_json(cli, answer);
    } else {
        (void)fprintf(cli->out,
                      "%" JSON_INTEGER_FORMAT " expected, %" JSON_INTEGER_FORMAT
                      " changed, %" JSON_INTEGER_FORMAT " came already\n",
                      sums.added, sums.changed, sums.claimed);
    }
    return CLI_DONE;
}

/* --- lists and decisions -----------------------------------------------------------------------
 */

static int run_expected(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"DEVICE", "device"},   {"PRODUCT", "product"},
                                            {"GROUP", "group"},     {"SINCE", "created"},
                                            {"CLAIMED", "claimed"}, {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL, *path = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) ||
        (values.group && !api_group_id(api, values.group, &group, &err)))
        return cli_fail(cli, &err);
    path = mem_printf("/preregistrations%s%s%s%s", group || values.waiting ? "?" : "",
                      values.waiting ? "claimed=false&" : "", group ? "group=" : "",
                      group ? group : "");
    return cli_list(cli, api, path, values.limit, columns);
}

static int run_pending(int argc, char **argv, struct cli *cli)
{
    static const struct column columns[] = {{"DEVICE", "device"},           {"HARDWARE", "hwid"},
                                            {"FIRST ASKED", "first_asked"}, {"LAST ASKED", "asked"},
                                            {"REJECTED", "rejected"},       {0}};
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    return cli_list(cli, api, "/pending-claims", values.limit, columns);
}

static int run_accept(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_FREE char *line = NULL;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    line = mem_printf("device %.12s joins %s when it asks again", values.id, values.group);
    return send_to(cli, &values, "/pending-claims/", "/accept", line);
}

static int run_reject(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_FREE char *line = NULL;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    line = mem_printf("device %.12s is rejected", values.id);
    return send_to(cli, &values, "/pending-claims/", "/reject", line);
}

/* clang-format off */
const struct cli_command cli_claim_commands[] = {
    {"claim token",       "a token with which devices join a group",            token_options,       "slipway claim token --group camera/production --count 100", run_token},
    {"claim new",         "the same as 'claim token'",                          token_options,       "slipway claim new --group camera/production --count 100", run_token},
    {"claim revoke",      "end a claim token; who joined with it stays",        revoke_options,      "slipway claim revoke 0b8a5e0e-5d0c-4b43-9d0f-0c5f7a4f1d11", run_revoke},
    {"claim preregister", "expect devices: they join without a token",          preregister_options, "slipway claim preregister devices.jsonl --group camera/production", run_preregister},
    {"claim expected",    "devices that may join without a token",              expected_options,    "slipway claim expected --waiting", run_expected},
    {"claim pending",     "devices that wait to be accepted by hand",           pending_options,     "slipway claim pending", run_pending},
    {"claim accept",      "let a device that waits join a group",               accept_options,      "slipway claim accept 3fa9...c2d1 --group camera/production", run_accept},
    {"claim reject",      "tell a device that waits no",                        reject_options,      "slipway claim reject 3fa9...c2d1", run_reject},
    {0},
};
/* clang-format on */
