/*
 * `slipway deploy watch`: bars of the phases and what the gates see on a terminal, redrawn in
 * place; elsewhere a line whenever something changed. Ends with the deployment: 0 when it finished,
 * 1 when it was halted or aborted.
 */
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/client/api.h"
#include "cli/deploy.h"
#include "cli/deploy_view.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/http/url.h"

enum {
    LOOK_MS = 300,
    AWAY_MS_MAX = 120 * 1000,
    FAILURES_SHOWN = 5,
    WIDTH_DEFAULT = 120,
    WIDTH_MIN = 20,
    HALT_BYTES_MAX = 8 << 10,
};

struct values {
    struct api_options api;
    const char *id;
};

/* clang-format off */
const struct option deploy_watch_options[] = {
    {.name = "ID", .type = OPTION_ARG, .required = true, .field = offsetof(struct values, id), .help = "the deployment"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

/* A line that is longer than the terminal would wrap, and the next picture begin too low. */
static void cut_lines(const char *page, size_t width, struct buf *out, size_t *lines)
{
    *lines = 0;
    while (*page) {
        size_t len = strcspn(page, "\n");

        buf_add(out, page, len < width ? len : width);
        buf_add_text(out, "\n");
        page += len + (page[len] == '\n');
        (*lines)++;
    }
}

static size_t terminal_width(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH_MIN)
        return WIDTH_DEFAULT;
    return size.ws_col - 1U;
}

/* In the place of the last picture; what that had more is wiped. */
static void draw(FILE *out, const json_t *deployment, size_t *lines)
{
    AUTO_BUF page;
    AUTO_BUF picture;

    buf_init(&page, DEPLOY_PAGE_MAX);
    buf_init(&picture, DEPLOY_PAGE_MAX);
    deploy_print(deployment, &page);
    if (*lines)
        buf_printf(&picture, "\033[%zuA", *lines);
    buf_add_text(&picture, "\r\033[J");
    cut_lines(buf_text(&page), terminal_width(out), &picture, lines);
    (void)fputs(buf_text(&picture), out);
    (void)fflush(out);
}

/* The line of a pipe: said once for each change. */
static void say(FILE *out, const json_t *deployment, char **said)
{
    AUTO_BUF line;

    buf_init(&line, DEPLOY_PAGE_MAX);
    buf_printf(&line, "%s, phase %" JSON_INTEGER_FORMAT ": ", deploy_text(deployment, "state"),
               json_integer_value(json_object_get(deployment, "phase")));
    deploy_print_counts(json_object_get(deployment, "counts"), &line);
    if (deploy_text(deployment, "reason")[0])
        buf_printf(&line, " (%s)", deploy_text(deployment, "reason"));
    if (*said && text_equal(*said, buf_text(&line)))
        return;
    mem_free(*said);
    *said = mem_strdup(buf_text(&line));
    (void)fprintf(out, "%s\n", *said);
    (void)fflush(out);
}

static void print_halt(struct cli *cli, const json_t *halt)
{
    AUTO_BUF lines;

    buf_init(&lines, HALT_BYTES_MAX);
    deploy_print_gates(json_object_get(halt, "seen"), &lines);
    (void)fprintf(cli->out, "the gate '%s' stopped it in phase %" JSON_INTEGER_FORMAT ": %s\n%s",
                  deploy_text(halt, "gate"), json_integer_value(json_object_get(halt, "phase")),
                  deploy_text(halt, "reason"), lines.failed ? "" : buf_text(&lines));
}

/* Why it stopped, and the first devices that failed with their reasons. */
static void explain(struct cli *cli, struct api *api, const char *path, const json_t *deployment)
{
    static const char *const states[] = {"failed", "rolled-back"};
    const json_t *halt = json_object_get(deployment, "halt");

    if (json_is_object(halt)) {
        print_halt(cli, halt);
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

            (void)fprintf(cli->out, "  %.12s... %s: %s %s\n", deploy_text(item, "device"),
                          states[s], deploy_text(item, "reason"), deploy_text(item, "detail"));
        }
    }
}

static bool has_ended(const char *state)
{
    return text_equal(state, "finished") || text_equal(state, "halted") ||
           text_equal(state, "aborted");
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
        state = deploy_text(deployment, "state");
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
