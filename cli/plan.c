/* `slipway deploy plan`: what a deployment would come to, on one screen: who gets it, in which
 * phase, until when, who does not, what it weighs and costs, and what speaks against it. */
#include <inttypes.h>
#include <stddef.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/deploy_body.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

enum { BAR_WIDTH = 24, SIZE_COLUMN = 12 };

struct values {
    struct deploy_body body;
    const char *price;
};

/* clang-format off */
static const struct option plan_options[] = {
    DEPLOY_BODY_OPTIONS,
    {.name = "price-per-gb", .type = OPTION_TEXT, .field = offsetof(struct values, price), .value = "PRICE", .help = "what a GB sent costs, 0.085"},
    {0}};
/* clang-format on */
_Static_assert(offsetof(struct values, body) == 0, "the shared options write there");

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_size(FILE *out, json_int_t bytes)
{
    char size[TEXT_SIZE_ROOM];

    text_from_size((uint64_t)bytes, size);
    (void)fprintf(out, "%*s", SIZE_COLUMN, size);
}

/* "1 %", "3 devices", "by filter" */
static void print_kind(FILE *out, const json_t *phase)
{
    char value[24];

    if (json_object_get(phase, "percent")) {
        table_value(phase, "percent", value, sizeof(value));
        (void)fprintf(out, "%8s %%", value);
    } else if (json_object_get(phase, "count")) {
        (void)fprintf(out, "%10s", "first");
    } else {
        (void)fprintf(out, "%10s", "filter");
    }
}

static void print_phases(FILE *out, const json_t *plan)
{
    const json_t *spans = json_object_get(json_object_get(plan, "forecast"), "phases");
    json_int_t eligible = number_of(plan, "eligible");
    json_int_t so_far = 0;
    const json_t *phase;
    size_t i;

    json_array_foreach(json_object_get(plan, "phases"), i, phase)
    {
        const json_t *span = json_array_get(spans, i);
        char bar[BAR_WIDTH + 1];

        so_far += number_of(phase, "devices");
        progress_bar((uint64_t)so_far, eligible ? (uint64_t)eligible : 1, BAR_WIDTH, bar);
        print_kind(out, phase);
        (void)fprintf(out, " [%s] %9" JSON_INTEGER_FORMAT, bar, number_of(phase, "devices"));
        print_size(out, number_of(phase, "bytes"));
        (void)fprintf(out, "  until %s, or late %s%s\n",
                      text_of(json_object_get(span, "likely"), "ends"),
                      text_of(json_object_get(span, "late"), "ends"),
                      text_equal(text_of(phase, "advance"), "manual") ? ", then by hand" : "");
    }
}

static void print_skipped(FILE *out, const json_t *plan)
{
    json_t *skipped = json_iterable(json_object_get(plan, "skipped"));
    const char *reason;
    const json_t *count;

    json_object_foreach(skipped, reason, count)(void)
        fprintf(out, "%9" JSON_INTEGER_FORMAT "  skipped: %s\n", json_integer_value(count), reason);
}

static void print_bytes(FILE *out, const json_t *plan)
{
    const json_t *bytes = json_object_get(plan, "bytes");
    const json_t *cost = json_object_get(plan, "cost");
    static const char *const kinds[] = {"delta", "full"};

    for (size_t i = 0; i < COUNT(kinds); i++) {
        const json_t *kind = json_object_get(bytes, kinds[i]);

        (void)fprintf(out, "%9" JSON_INTEGER_FORMAT "  by %-6s", number_of(kind, "devices"),
                      kinds[i]);
        print_size(out, number_of(kind, "bytes"));
        (void)fputc('\n', out);
    }
    (void)fprintf(out, "%17s  ", "together");
    print_size(out, number_of(bytes, "total"));
    if (json_is_object(cost))
        (void)fprintf(out, ", cost %.2f", json_number_value(json_object_get(cost, "amount")));
    (void)fputc('\n', out);
}

static void print_list(FILE *out, const char *title, const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)(void)
        fprintf(out, "%s: %s\n", title, json_string_value(item));
}

static void print_curve(FILE *out, const json_t *plan)
{
    const json_t *gate = json_object_get(plan, "gate");
    const json_t *ratio = json_object_get(gate, "crash_ratio");
    const json_t *point;
    size_t i;

    json_array_foreach(json_object_get(gate, "curve"), i, point)
    {
        if (i == 0)
            (void)fprintf(out, "\nif so many installations fail:\n");
        (void)fprintf(out, "  %6.2f %%  stopped with %5.1f %%, %.0f devices touched\n",
                      100 * json_number_value(json_object_get(point, "failing")),
                      100 * json_number_value(json_object_get(point, "halted")),
                      json_number_value(json_object_get(point, "touched")));
    }
    if (json_is_number(ratio))
        (void)fprintf(out, "crashes: %.1f times as many as before are seen in time\n",
                      json_number_value(ratio));
    else
        (void)fprintf(out, "crashes: more of them would not be seen in time; soak longer\n");
}

static void print_plan(FILE *out, const json_t *plan)
{
    const json_t *forecast = json_object_get(plan, "forecast");
    const json_t *rollback = json_object_get(plan, "rollback");

    (void)fprintf(out,
                  "%s to %s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                  " devices get it, %" JSON_INTEGER_FORMAT " of them asleep\n\n",
                  text_of(plan, "release"), text_of(plan, "group"), number_of(plan, "eligible"),
                  number_of(plan, "devices"), number_of(plan, "asleep"));
    print_phases(out, plan);
    (void)fputc('\n', out);
    print_skipped(out, plan);
    print_bytes(out, plan);
    (void)fprintf(out, "\nends %s, or late %s\nroll back: %s (%s)\n", text_of(forecast, "likely"),
                  text_of(forecast, "late"),
                  json_is_true(json_object_get(rollback, "possible")) ? "possible" : "not possible",
                  text_of(rollback, "reason"));
    print_curve(out, plan);
    print_list(out, "WARNING", json_object_get(plan, "warnings"));
    print_list(out, "REFUSED", json_object_get(plan, "refused"));
}

static bool make_path(const struct values *values, struct buf *path, struct err *err)
{
    buf_add_text(path, "/deployments:plan");
    if (values->price) {
        buf_add_text(path, "?price_per_gb=");
        url_encode(values->price, path);
    }
    return !path->failed || err_set(err, ERR_INVALID, "--price-per-gb is too long");
}

static int run_plan(int argc, char **argv, struct cli *cli)
{
    struct values values = {.body = DEPLOY_BODY_UNSAID};
    AUTO_API struct api *api = NULL;
    AUTO_JSON *body = NULL;
    AUTO_JSON *answer = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 1024);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!make_path(&values, &path, &err) || !api_open(&values.body.api, &api, &err) ||
        !deploy_body_make(api, &values.body, &body, &err) ||
        !api_call(api, "POST", buf_text(&path), body, &answer, &err))
        return cli_fail(cli, &err);
    if (cli->json)
        cli_print_json(cli, answer);
    else
        print_plan(cli->out, answer);
    return json_array_size(json_object_get(answer, "refused")) > 0 ? CLI_FAILED : CLI_DONE;
}

const struct cli_command cli_plan_commands[] = {
    {
        .name = "deploy plan",
        .summary = "what a deployment would come to; nothing is sent",
        .options = plan_options,
        .example = "slipway deploy plan --group camera/production --release 2.4.0 --phases "
                   "3,1%:2h,15%:hold,100% --price-per-gb 0.085",
        .run = run_plan,
    },
    {0},
};
