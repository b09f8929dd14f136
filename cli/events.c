/*
 * `slipway events`: what happens, line by line, as long as one likes. A lost connection is made
 * again, and goes on behind the last event that was shown.
 */
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/event_lines.h"
#include "cli/option.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { AGAIN_MS_MIN = 200, AGAIN_MS_MAX = 10000 };

struct values {
    struct api_options api;
    const char *after;
    uint64_t count;
};

#define FIELD(word) offsetof(struct values, word)

/* clang-format off */
static const struct option options[] = {
    {.name = "after", .type = OPTION_TEXT, .field = FIELD(after), .value = "ID", .help = "what came after this event (from now on)"},
    {.name = "count", .type = OPTION_U64,  .field = FIELD(count), .min = 1, .value = "N", .help = "end after so many (never)"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

struct follow {
    struct cli *cli;
    struct event_lines lines;
    uint64_t left; /* 0: any number */
    bool is_over;
};

/* The words of an event that people look for first, in this order. */
static void print_words(FILE *out, const json_t *object)
{
    static const char *const names[] = {"title",  "release", "group",      "product", "phase",
                                        "device", "reason",  "deployment", "issue"};

    for (size_t i = 0; i < COUNT(names); i++) {
        const json_t *value = json_object_get(object, names[i]);

        if (json_is_string(value) && json_string_length(value) > 0)
            (void)fprintf(out, "  %s=%s", names[i], json_string_value(value));
        else if (json_is_integer(value))
            (void)fprintf(out, "  %s=%" JSON_INTEGER_FORMAT, names[i], json_integer_value(value));
    }
    (void)fputc('\n', out);
}

static bool on_event(const char *id, const char *name, const char *data, void *arg)
{
    struct follow *follow = arg;
    AUTO_JSON *tree = json_loads(data, 0, NULL);
    const char *at = json_string_value(json_object_get(tree, "at"));

    (void)id;
    if (text_starts_with(name, "stream.")) { /* of the stream itself: it will be made again */
        (void)fprintf(follow->cli->err, "%s %s\n", name, data);
        return true;
    }
    if (follow->cli->json) {
        cli_print_json(follow->cli, tree);
    } else {
        (void)fprintf(follow->cli->out, "%s  %-22s", at ? at : "-", name);
        print_words(follow->cli->out, json_object_get(tree, "object"));
    }
    (void)fflush(follow->cli->out);
    follow->is_over = follow->left == 1;
    follow->left -= follow->left > 0;
    return !follow->is_over;
}

static bool on_body(void *arg, const void *data, size_t len, struct err *err)
{
    struct follow *follow = arg;

    return event_lines_add(&follow->lines, data, len, on_event, follow) ||
           err_set(err, ERR_INVALID,
                   follow->is_over ? "enough was seen" : "the stream has a line that is too long");
}

/* Until it is over, or nobody would have it otherwise. */
static bool follow_on(struct api *api, struct follow *follow, struct err *err)
{
    int wait_ms = AGAIN_MS_MIN;

    for (;;) {
        AUTO_FREE char *path = follow->lines.id[0]
                                   ? mem_printf("/stream?after=%s", follow->lines.id)
                                   : mem_strdup("/stream");
        AUTO_FREE char *before = mem_strdup(follow->lines.id);

        event_lines_reset(&follow->lines);
        if (!api_follow(api, path, on_body, follow, err)) {
            if (follow->is_over)
                return true;
            if (err->code != ERR_UNAVAILABLE)
                return false;
        }
        wait_ms = !text_equal(before, follow->lines.id) ? AGAIN_MS_MIN
                  : wait_ms * 2 > AGAIN_MS_MAX          ? AGAIN_MS_MAX
                                                        : wait_ms * 2;
        (void)poll(NULL, 0, wait_ms); /* nothing is polled: it only waits */
    }
}

static int run_events(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct follow follow = {.cli = cli};
    struct err err = {0};
    uint64_t after;
    bool good;
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    event_lines_init(&follow.lines);
    if (values.after &&
        (!text_to_u64(values.after, strlen(values.after), 0, INT64_MAX - 1, &after) ||
         !text_copy(follow.lines.id, sizeof(follow.lines.id), values.after)))
        return cli_usage(cli, "--after is the id of an event, not '%s'", values.after);
    follow.left = values.count;
    good = api_open(&values.api, &api, &err) && follow_on(api, &follow, &err);
    event_lines_done(&follow.lines);
    return good ? CLI_DONE : cli_fail(cli, &err);
}

/* clang-format off */
const struct cli_command cli_event_commands[] = {
    {"events", "follow what happens: deployments, issues, devices", options, "slipway events\nslipway events --after 120 --json", run_events},
    {0},
};
/* clang-format on */
