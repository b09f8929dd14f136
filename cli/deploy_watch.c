/*
 * `slipway deploy watch`: one bar a phase on a terminal, redrawn in place; elsewhere a line
 * whenever something changed. Ends with the deployment: 0 when it finished, 1 when it was halted
 * or aborted.
 */
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client/api.h"
#include "cli/deploy.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"
#include "lib/update/state.h"

enum { LOOK_MS = 300, AWAY_MS_MAX = 120 * 1000, BAR_WIDTH = 30, FAILURES_SHOWN = 5 };

struct values {
    struct api_options api;
    const char *id;
};

/* clang-format off */
const struct option deploy_watch_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static json_int_t count_of(const json_t *counts, enum update_state state)
{
    return json_integer_value(json_object_get(counts, update_state_name(state)));
}

/* Everybody that was offered it, and those for whom it is over. */
static void sum(const json_t *counts, uint64_t *offered, uint64_t *ended)
{
    *offered = *ended = 0;
    for (unsigned i = 0; i < UPDATE_STATE_COUNT; i++) {
        uint64_t n = (uint64_t)count_of(counts, (enum update_state)i);

        *offered += n;
        if (update_state_is_terminal((enum update_state)i))
            *ended += n;
    }
}

/* "12 succeeded, 1 rolled-back, 3 downloading" */
static void print_counts(const json_t *counts, struct buf *out)
{
    bool any = false;

    for (unsigned i = 0; i < UPDATE_STATE_COUNT; i++) {
        json_int_t n = count_of(counts, (enum update_state)i);

        if (n == 0)
            continue;
        buf_printf(out, "%s%" JSON_INTEGER_FORMAT " %s", any ? ", " : "", n,
                   update_state_name((enum update_state)i));
        any = true;
    }
    if (!any)
        buf_add_text(out, "nobody yet");
}

static void print_phase(const json_t *phase, struct buf *out)
{
    const json_t *counts = json_object_get(phase, "counts");
    char bar[BAR_WIDTH + 1];
    char percent[16];
    uint64_t offered, ended;

    sum(counts, &offered, &ended);
    progress_bar(ended, offered ? offered : 1, BAR_WIDTH, bar);
    table_value(phase, "percent", percent, sizeof(percent));
    buf_printf(out, "  %5s %%  [%s]  %-8s ", percent, bar, text_of(phase, "state"));
    print_counts(counts, out);
}

static void draw(FILE *out, const json_t *deployment, size_t *lines)
{
    const json_t *phases = json_object_get(deployment, "phases");
    AUTO_BUF page;

    buf_init(&page, 65536);
    if (*lines)
        buf_printf(&page, "\033[%zuA", *lines);
    buf_printf(&page, "\033[2K%s to %s/%s: %s\n", text_of(deployment, "release"),
               text_of(deployment, "product"), text_of(deployment, "group"),
               text_of(deployment, "state"));
    for (size_t i = 0; i < json_array_size(phases); i++) {
        buf_add_text(&page, "\033[2K");
        print_phase(json_array_get(phases, i), &page);
        buf_add_text(&page, "\n");
    }
    *lines = json_array_size(phases) + 1;
    (void)fputs(buf_text(&page), out);
    (void)fflush(out);
}

/* The line of a pipe: said once for each change. */
static void say(FILE *out, const json_t *deployment, char **said)
{
    AUTO_BUF line;

    buf_init(&line, 65536);
    buf_printf(&line, "%s, phase %" JSON_INTEGER_FORMAT ": ", text_of(deployment, "state"),
               json_integer_value(json_object_get(deployment, "phase")));
    print_counts(json_object_get(deployment, "counts"), &line);
    if (*said && text_equal(*said, buf_text(&line)))
        return;
    mem_free(*said);
    *said = mem_strdup(buf_text(&line));
    (void)fprintf(out, "%s\n", *said);
    (void)fflush(out);
}

/* Why it stopped, and the first devices that failed with their reasons. */
static void explain(struct cli *cli, struct api *api, const char *path, const json_t *deployment)
{
    static const char *const states[] = {"failed", "rolled-back"};
    const json_t *halt = json_object_get(deployment, "halt");

    if (json_is_object(halt)) {
        (void)fprintf(cli->out, "the gate stopped it:\n");
        table_print_object(cli->out, halt);
    }
    for (size_t s = 0; s < COUNT(states); s++) {
        AUTO_FREE char *url = mem_printf("%s/devices?state=%s", path, states[s]);
        AUTO_JSON *failed = NULL;
        struct err err = {0};
        const json_t *items;

        if (!api_list(api, url, FAILURES_SHOWN, &failed, &err))
            return; /* the deployment's end was shown; this is only more of it */
        items = json_object_get(failed, "items");
        for (size_t i = 0; i < json_array_size(items); i++) {
            const json_t *item = json_array_get(items, i);

            (void)fprintf(cli->out, "  %.12s... %s: %s %s\n", text_of(item, "device"), states[s],
                          text_of(item, "reason"), text_of(item, "detail"));
        }
    }
}

static bool has_ended(const char *state)
{
    return !text_equal(state, "running") && !text_equal(state, "paused") &&
           !text_equal(state, "awaiting-approval");
}

/* A server that is started again is waited for; one that was never there is not. */
static bool look(struct api *api, const char *path, int64_t *seen_mono_ms, json_t **out,
                 struct err *err)
{
    for (;;) {
        *err = (struct err){0};
        if (api_call(api, "GET", path, NULL, out, err)) {
            *seen_mono_ms = clock_mono_ms();
            return true;
        }
        if (err->code != ERR_UNAVAILABLE || !*seen_mono_ms ||
            clock_mono_ms() - *seen_mono_ms > AWAY_MS_MAX)
            return false;
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static int watch(struct cli *cli, struct api *api, const char *path)
{
    int64_t seen_mono_ms = 0;
    bool terminal = !cli->json && isatty(fileno(cli->out));
    AUTO_FREE char *said = NULL;
    struct err err = {0};
    size_t lines = 0;

    for (;;) {
        AUTO_JSON *deployment = NULL;
        const char *state;

        if (!look(api, path, &seen_mono_ms, &deployment, &err))
            return cli_fail(cli, &err);
        state = text_of(deployment, "state");
        if (terminal)
            draw(cli->out, deployment, &lines);
        else if (!cli->json)
            say(cli->out, deployment, &said);
        if (has_ended(state)) {
            if (cli->json)
                cli_print_json(cli, deployment);
            else if (!text_equal(state, "finished"))
                explain(cli, api, path, deployment);
            return text_equal(state, "finished") ? CLI_DONE : CLI_FAILED;
        }
        (void)poll(NULL, 0, LOOK_MS);
    }
}

int deploy_run_watch(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct err err = {0};
    AUTO_BUF path;
    int status;

    buf_init(&path, 1024);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    buf_add_text(&path, "/deployments/");
    url_encode(values.id, &path);
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    return watch(cli, api, buf_text(&path));
}
