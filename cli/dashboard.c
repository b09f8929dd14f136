/* `slipway dashboard`: a fleet on one page of a terminal. */
#include <inttypes.h>
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { BAR_WIDTH = 40 };

struct values {
    struct api_options api;
    const char *product;
};

/* clang-format off */
static const struct option options[] = {
    {.name = "PRODUCT", .type = OPTION_ARG, .field = offsetof(struct values, product), .help = "only of this product"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static const char *const parts[] = {"health", "versions", "issues", "bytes"};

static bool read_parts(struct api *api, const char *product, json_t *out, struct err *err)
{
    AUTO_FREE char *id = NULL;

    if (product && !api_product_id(api, product, &id, err))
        return false;
    for (size_t i = 0; i < COUNT(parts); i++) {
        AUTO_FREE char *path =
            mem_printf("/dashboard/%s%s%s", parts[i], id ? "?product=" : "", id ? id : "");
        json_t *part = NULL;

        if (!api_call(api, "GET", path, NULL, &part, err))
            return false;
        (void)json_object_set_new(out, parts[i], part);
    }
    return true;
}

/* "online        ########............  41.20 %   412" */
static void print_shares(FILE *out, const json_t *shares, const char *name)
{
    const json_t *share;
    size_t i;

    json_array_foreach(shares, i, share)
    {
        const char *word = json_string_value(json_object_get(share, name));
        double percent = json_number_value(json_object_get(share, "percent"));
        int filled = (int)(percent * BAR_WIDTH / 100 + 0.5);

        (void)fprintf(out, "  %-20s ", word ? word : "not known");
        for (int at = 0; at < BAR_WIDTH; at++)
            (void)fputc(at < filled ? '#' : '.', out);
        (void)fprintf(out, " %6.2f %%  %" JSON_INTEGER_FORMAT "\n", percent,
                      json_integer_value(json_object_get(share, "count")));
    }
}

static void print_issues(FILE *out, const json_t *issues)
{
    const json_t *issue;
    size_t i;

    (void)fprintf(out, "\nissues of the last 7 days\n");
    if (json_array_size(issues) == 0)
        (void)fprintf(out, "  none\n");
    json_array_foreach(issues, i, issue)
    {
        const char *title = json_string_value(json_object_get(issue, "title"));
        const char *state = json_string_value(json_object_get(issue, "state"));

        (void)fprintf(
            out, "  %8" JSON_INTEGER_FORMAT " times on %" JSON_INTEGER_FORMAT " devices  %-9s %s\n",
            json_integer_value(json_object_get(issue, "count")),
            json_integer_value(json_object_get(issue, "devices")), state ? state : "",
            title ? title : "");
    }
}

static void print_bytes(FILE *out, const json_t *bytes)
{
    const json_t *kind;
    size_t i;

    (void)fprintf(out, "\nbytes of the last 30 days\n");
    json_array_foreach(bytes, i, kind)
    {
        const char *word = json_string_value(json_object_get(kind, "kind"));
        char size[TEXT_SIZE_ROOM];

        text_from_size((uint64_t)json_integer_value(json_object_get(kind, "count")), size);
        (void)fprintf(out, "  %-20s %s\n",
                      text_equal(word ? word : "", "saved") ? "saved by deltas" : "sent", size);
    }
}

static void print_page(FILE *out, const json_t *page)
{
    const json_t *health = json_object_get(page, "health");
    const char *as_of = json_string_value(json_object_get(health, "as_of"));

    (void)fprintf(out, "%" JSON_INTEGER_FORMAT " devices, as of %s\n",
                  json_integer_value(json_object_get(health, "total")),
                  as_of ? as_of : "- (no look yet)");
    print_shares(out, json_object_get(health, "classes"), "class");
    (void)fprintf(out, "\nversions\n");
    print_shares(out, json_object_get(json_object_get(page, "versions"), "versions"), "version");
    print_issues(out, json_object_get(json_object_get(page, "issues"), "items"));
    print_bytes(out, json_object_get(json_object_get(page, "bytes"), "bytes"));
}

static int run_dashboard(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *page = json_object();
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !read_parts(api, values.product, page, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, page);
    else
        print_page(cli->out, page);
    return CLI_DONE;
}

/* clang-format off */
const struct cli_command cli_dashboard_commands[] = {
    {"dashboard", "the fleet on a page: health, versions, issues, bytes", options, "slipway dashboard camera", run_dashboard},
    {0},
};
/* clang-format on */
