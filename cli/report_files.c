/*
 * Files of `slipway report`: exports of events, page by page into one stream; attachments; debug
 * files.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/hash_file.h"
#include "cli/report.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"
#include "lib/os/file.h"

#define PAGE_LINES_TEXT "1000"
enum { PAGE_LINES = 1000, PAGE_BYTES_MAX = 16 << 20, ATTACHMENT_BYTES_MAX = 16 << 20 };

struct values {
    struct api_options api;
    struct report_filters filters;
    const char *format;
    const char *out;
    const char *device;
    const char *sha256;
    struct option_texts files;
};

#define FIELD(word) offsetof(struct values, word)

/* clang-format off */
static const struct option export_options[] = {
    {.name = "format", .type = OPTION_TEXT, .field = FIELD(format), .value = "csv|jsonl", .help = "a table, or a JSON object a line (jsonl)"},
    {.name = "out",    .type = OPTION_TEXT, .field = FIELD(out),    .value = "FILE",      .help = "where it goes (standard output)"},
    REPORT_FILTERS(struct values), API_OPTIONS(struct values), {0}};
static const struct option attachment_options[] = {
    {.name = "DEVICE", .type = OPTION_ARG, .required = true, .field = FIELD(device), .help = "its id, 64 hex digits"},
    {.name = "SHA256", .type = OPTION_ARG, .required = true, .field = FIELD(sha256), .help = "of the file, as the event has it"},
    {.name = "out", .type = OPTION_TEXT, .required = true, .field = FIELD(out), .value = "FILE", .help = "where it goes"},
    API_OPTIONS(struct values), {0}};
static const struct option symbols_options[] = {
    {.name = "FILE", .type = OPTION_ARGS, .required = true, .field = FIELD(files), .help = "ELF files with debug information"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* --- export ------------------------------------------------------------------------------------
 */

/* The id of the last line is where the next page begins; both forms have it first. */
static bool last_id(const struct buf *page, char *out, size_t room, struct err *err)
{
    const char *text = buf_text(page);
    const char *line = text + page->len;
    const char *digits;
    size_t len;

    while (line > text && (line[-1] == '\n' || line[-1] == '\r'))
        line--;
    while (line > text && line[-1] != '\n')
        line--;
    digits = line + strcspn(line, "0123456789\n");
    len = strspn(digits, "0123456789");
    if (len == 0 || len >= room)
        return err_set(err, ERR_INVALID, "the export's last line has no id");
    memcpy(out, digits, len);
    out[len] = '\0';
    return true;
}

static size_t lines_of(const struct buf *page)
{
    size_t count = 0;

    for (size_t i = 0; i < page->len; i++)
        count += page->data[i] == '\n';
    return count;
}

static bool export_all(struct api *api, const struct values *values, FILE *out, struct err *err)
{
    const bool is_csv = values->format && text_equal(values->format, "csv");
    char after[24] = "";

    for (;;) {
        AUTO_BUF path;
        AUTO_BUF page;
        size_t lines;

        buf_init(&path, 4096);
        buf_init(&page, PAGE_BYTES_MAX);
        if (!report_path(api, "/api/v1/events", &values->filters, &path, err))
            return false;
        report_path_add(&path, "format", is_csv ? "csv" : "jsonl");
        report_path_add(&path, "limit", PAGE_LINES_TEXT);
        report_path_add(&path, "after", after[0] ? after : NULL);
        if (!api_fetch(api, buf_text(&path), true, PAGE_BYTES_MAX, &page, err))
            return false;
        if (fwrite(page.data, 1, page.len, out) != page.len)
            return err_system(err, "could not write the export");
        lines = lines_of(&page) - (is_csv && !after[0] ? 1 : 0);
        if (lines < PAGE_LINES)
            return true;
        if (!last_id(&page, after, sizeof(after), err))
            return false;
    }
}

static int run_export(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    FILE *out = cli->out;
    struct err err = {0};
    bool is_good;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (values.format && !text_equal(values.format, "csv") && !text_equal(values.format, "jsonl"))
        return cli_usage(cli, "--format is csv or jsonl");
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    if (values.out && !(out = fopen(values.out, "we"))) {
        (void)err_system(&err, "could not make '%s'", values.out);
        return cli_fail(cli, &err);
    }
    is_good = export_all(api, &values, out, &err);
    if (values.out && fclose(out) != 0 && is_good)
        is_good = err_system(&err, "could not write '%s'", values.out);
    return is_good ? CLI_DONE : cli_fail(cli, &err);
}

/* --- attachments -------------------------------------------------------------------------------
 */

static int run_attachment(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct err err = {0};
    AUTO_BUF path;
    AUTO_BUF file;
    int status;

    buf_init(&path, 1024);
    buf_init(&file, ATTACHMENT_BYTES_MAX);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    buf_add_text(&path, "/api/v1/attachments/");
    url_encode(values.device, &path);
    buf_add_text(&path, "/");
    url_encode(values.sha256, &path);
    if (!api_open(&values.api, &api, &err) ||
        !api_fetch(api, buf_text(&path), true, ATTACHMENT_BYTES_MAX, &file, &err) ||
        !file_write(values.out, 0600, file.data, file.len, &err))
        return cli_fail(cli, &err);
    if (!cli->json)
        (void)fprintf(cli->out, "%s: %zu bytes\n", values.out, file.len);
    return CLI_DONE;
}

/* --- debug files -------------------------------------------------------------------------------
 */

static bool upload(struct api *api, const char *file, FILE *progress_out, json_t **out,
                   struct err *err)
{
    uint8_t hash[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    AUTO_FREE char *path = NULL;
    uint64_t length;

    if (!hash_file(file, progress_out, &length, hash, err))
        return false;
    text_from_hex_bytes(hash, HASH_BYTES, hex);
    path = mem_printf("/symbols/%s", hex);
    return api_upload(api, path, file, out, err) || err_wrap(err, "%s", file);
}

static int run_symbols(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    for (size_t i = 0; i < values.files.count; i++) {
        AUTO_JSON *answer = NULL;

        if (!upload(api, values.files.items[i], cli->err, &answer, &err))
            return cli_fail(cli, &err);
        if (cli->json)
            cli_print_json(cli, answer);
        else
            (void)fprintf(cli->out, "%s: build id %s\n", values.files.items[i],
                          json_string_value(json_object_get(answer, "build_id")));
    }
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_report_file_commands[] = {
    {"report export",     "all events that fit, as lines",               export_options,     "slipway report export --format csv --since 2026-05-01T00:00:00Z --out events.csv", run_export},
    {"report attachment", "fetch a file that came with an event",        attachment_options, "slipway report attachment 5fe1… 9a0b… --out crash.dmp", run_attachment},
    {"report symbols",    "upload debug files, so that frames get names", symbols_options,   "slipway report symbols build/pump.debug",               run_symbols},
    {0},
};
/* clang-format on */
