/* The audit: listed, exported, and recomputed here instead of believed. A head that was written
 * down elsewhere (--head) also finds a chain that was made anew from some row on. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/audit_chain.h"
#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { PAGE = 200, EXPORT_BYTES_MAX = 1 << 30 };

struct values {
    struct api_options api;
    uint64_t after;
    uint64_t limit;
    const char *file;
    const char *head;
};

static const struct column columns[] = {
    {"SEQ", "seq"},       {"AT", "at"}, {"ACTOR", "actor"}, {"VIA", "via"}, {"ACTION", "action"},
    {"OBJECT", "object"}, {0}};

/* clang-format off */
static const struct option list_options[] = {
    {.name = "after", .type = OPTION_U64, .field = offsetof(struct values, after), .value = "SEQ", .help = "only rows behind this one"},
    {.name = "limit", .type = OPTION_U64, .field = offsetof(struct values, limit), .min = 1, .value = "N", .help = "at most so many (all)"},
    API_OPTIONS(struct values), {0}};
static const struct option export_options[] = {API_OPTIONS(struct values), {0}};
static const struct option verify_options[] = {
    {.name = "file", .type = OPTION_TEXT, .field = offsetof(struct values, file), .value = "FILE", .help = "an exported audit instead of the server's"},
    {.name = "head", .type = OPTION_TEXT, .field = offsetof(struct values, head), .value = "SEQ:HASH", .help = "a head that was written down before: must be in the chain"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* Gets every row in order. `head` is of the last page: NULL before it. */
typedef bool row_fn(const json_t *row, void *arg, struct err *err);

static bool each_row(struct api *api, uint64_t after, row_fn *fn, void *arg, json_t **head,
                     struct err *err)
{
    for (;;) {
        AUTO_FREE char *path = mem_printf("/audit?limit=%d&after=%" PRIu64, PAGE, after);
        AUTO_JSON *page = NULL;
        const char *next;
        const json_t *row;
        size_t i;

        if (!api_call(api, "GET", path, NULL, &page, err))
            return false;
        json_array_foreach(json_object_get(page, "items"), i, row)
        {
            if (!fn(row, arg, err))
                return false;
        }
        next = json_string_value(json_object_get(page, "next"));
        if (!next) {
            *head = json_incref(json_object_get(page, "head"));
            return true;
        }
        if (!text_to_u64(next, strlen(next), after + 1, INT64_MAX, &after))
            return err_set(err, ERR_INVALID, "the server's pages do not go on");
    }
}

struct rows {
    json_t *items;
    uint64_t limit; /* 0: all */
};

/* False, without an error, when there are enough. */
static bool keep_row(const json_t *row, void *arg, struct err *err)
{
    struct rows *rows = arg;

    (void)err;
    (void)json_array_append(rows->items, json_iterable(row));
    return rows->limit == 0 || json_array_size(rows->items) < rows->limit;
}

static int run_list(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *list = json_object();
    AUTO_JSON *head = NULL;
    struct rows rows = {.items = json_array()};
    struct err err = {0};
    int status;

    (void)json_object_set_new(list, "items", rows.items);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    rows.limit = values.limit;
    if (!api_open(&values.api, &api, &err) ||
        (!each_row(api, values.after, keep_row, &rows, &head, &err) && err.code != ERR_NONE))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, list);
    else
        table_print(cli->out, rows.items, columns);
    return CLI_DONE;
}

static bool print_row(const json_t *row, void *arg, struct err *err)
{
    struct cli *cli = arg;

    (void)err;
    cli_print_json(cli, row);
    return true;
}

static int run_export(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *head = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !each_row(api, 0, print_row, cli, &head, &err))
        return cli_fail(cli, &err);
    return CLI_DONE;
}

/* --- verify -------------------------------------------------------------------------------------
 */

struct check {
    struct audit_chain chain;
    uint64_t bad_seq;   /* 0: none was found */
    uint64_t known_seq; /* 0: no head was given */
    const char *known_hash;
};

static bool parse_head(const char *text, struct check *out)
{
    const char *colon = text ? strchr(text, ':') : NULL;

    if (!text)
        return true;
    if (!colon || !text_to_u64(text, (size_t)(colon - text), 1, INT64_MAX, &out->known_seq) ||
        strlen(colon + 1) != HASH_HEX_ROOM - 1)
        return false;
    out->known_hash = colon + 1;
    return true;
}

static bool check_row(const json_t *row, void *arg, struct err *err)
{
    struct check *check = arg;
    uint64_t bad;

    if (!audit_chain_add(&check->chain, row, &bad, err)) {
        check->bad_seq = bad;
        return false;
    }
    if (check->chain.seq == check->known_seq && !text_equal(check->chain.hash, check->known_hash)) {
        check->bad_seq = check->known_seq;
        return err_set(err, ERR_UNTRUSTED, "it has another hash than the head that was given");
    }
    return true;
}

static bool check_end(struct check *check, const json_t *head, struct err *err)
{
    uint64_t bad;

    if (check->known_seq > check->chain.seq) {
        check->bad_seq = check->chain.seq + 1;
        return err_set(err, ERR_UNTRUSTED, "the chain ends before the head that was given");
    }
    if (head && !audit_chain_end(&check->chain, head, &bad, err)) {
        check->bad_seq = bad;
        return false;
    }
    return true;
}

/* A line is a row. */
static bool check_file(const char *path, struct check *check, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, EXPORT_BYTES_MAX);
    if (!file_read(path, &text, err))
        return false;
    for (const char *line = buf_text(&text); *line;) {
        size_t len = strcspn(line, "\n");
        AUTO_JSON *row = NULL;

        if (!json_parse(line, len, &json_limits_api, &row, err)) {
            check->bad_seq = check->chain.seq + 1;
            return false;
        }
        if (!check_row(row, check, err))
            return false;
        line += len + (line[len] == '\n');
    }
    return check_end(check, NULL, err);
}

static bool check_server(const struct api_options *options, struct check *check, struct err *err)
{
    AUTO_API struct api *api = NULL;
    AUTO_JSON *head = NULL;

    return api_open(options, &api, err) && each_row(api, 0, check_row, check, &head, err) &&
           check_end(check, head, err);
}

static int say_bad(struct cli *cli, const struct check *check, struct err *err)
{
    AUTO_JSON *tree = NULL;

    if (check->bad_seq == 0)
        return cli_fail(cli, err); /* it was not read at all */
    if (!cli->json) {
        (void)fprintf(cli->out, "first bad row: %" PRIu64 "\n", check->bad_seq);
        return cli_fail(cli, err);
    }
    tree = json_pack("{s:b, s:I, s:s}", "good", 0, "first_bad_seq", (json_int_t)check->bad_seq,
                     "reason", err->text);
    cli_print_json(cli, tree);
    return CLI_FAILED;
}

static int run_verify(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    struct check check = {0};
    AUTO_JSON *tree = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!parse_head(values.head, &check))
        return cli_usage(cli, "--head is SEQ:HASH, as this command prints it");
    audit_chain_init(&check.chain);
    if (values.file ? !check_file(values.file, &check, &err)
                    : !check_server(&values.api, &check, &err))
        return say_bad(cli, &check, &err);
    tree = json_pack("{s:b, s:I, s:s}", "good", 1, "seq", (json_int_t)check.chain.seq, "hash",
                     check.chain.hash);
    if (cli->json)
        cli_print_json(cli, tree);
    else
        (void)fprintf(cli->out,
                      "%" PRIu64 " rows, each follows the one before; the head to write down:\n"
                      "%" PRIu64 ":%s\n",
                      check.chain.seq, check.chain.seq, check.chain.hash);
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_audit_commands[] = {
    {"audit list",   "who changed what",                         list_options,   "slipway audit list --after 1200",          run_list},
    {"audit export", "the whole audit as JSON Lines",            export_options, "slipway audit export > audit.jsonl",       run_export},
    {"audit verify", "recompute the audit's chain of hashes; names the first bad row", verify_options, "slipway audit verify --head 1200:9f86...", run_verify},
    {0},
};
/* clang-format on */
