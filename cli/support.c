/*
 * `slipway support-bundle`: what somebody who is asked for help wants to see, without what they
 * must not. Everything passes redact_text(), whatever it is. What cannot be had is a line that says
 * why, so that there is a bundle when the server is down.
 */
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/client/api.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/redact.h"
#include "lib/archive/targz.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum {
    BUNDLE_BYTES_MAX = 256 << 20,
    PART_BYTES_MAX = 16 << 20,
    LOG_BYTES_MAX = 64 << 20,
    LOG_KEPT = 4 << 20, /* of its end */
    LIST_MAX = 1000,
    BUNDLE_MODE = 0600,
};

struct values {
    struct api_options api;
    const char *out;
    const char *config;
    struct option_texts logs;
};

/* clang-format off */
static const struct {
    const char *file;
    const char *path; /* below /api/v1, or public with is_public */
    bool is_list;
    bool is_public;
} parts[] = {
    {"server/health.json",              "/healthz", false, true},
    {"server/ready.json",               "/readyz",  false, true},
    {"server/metrics.txt",              "/metrics", false, true},
    {"server/repo-status.json",         "/repo/status", false, false},
    {"fleet/tenant.json",               "/tenant", false, false},
    {"fleet/products.json",             "/products", true, false},
    {"fleet/groups.json",               "/groups", true, false},
    {"fleet/health.json",               "/dashboard/health", false, false},
    {"fleet/versions.json",             "/dashboard/versions", false, false},
    {"fleet/deployments.json",          "/deployments", true, false},
    {"fleet/freezes.json",              "/freezes", true, false},
    {"problems/devices-quarantined.json", "/devices?quarantined=true", true, false},
    {"problems/devices-held.json",      "/devices?held=true", true, false},
    {"problems/issues.json",            "/issues?state=open", true, false},
    {"problems/reports-unreadable.json", "/quarantine", true, false},
    {"problems/deltas-failed.json",     "/deltas?state=failed", true, false},
};
/* clang-format on */

struct bundle {
    struct targz targz;
    int64_t now_s;
    unsigned missing;
};

static void add(struct bundle *bundle, const char *file, const char *text, size_t len)
{
    AUTO_BUF clean;

    buf_init(&clean, (size_t)2 * PART_BYTES_MAX);
    redact_text(text, len, &clean);
    if (clean.failed || !targz_add(&bundle->targz, file, clean.data, clean.len, bundle->now_s))
        bundle->missing++;
}

static void add_missing(struct bundle *bundle, const char *file, const struct err *err)
{
    AUTO_FREE char *text = mem_printf("not to be had: %s\n", err->text);

    bundle->missing++;
    add(bundle, file, text, strlen(text));
}

/* --- parts -------------------------------------------------------------------------------------
 */

static void add_part(struct bundle *bundle, struct api *api, size_t part)
{
    AUTO_JSON *tree = NULL;
    AUTO_FREE char *text = NULL;
    AUTO_BUF bytes;
    struct err err = {0};
    bool is_got;

    buf_init(&bytes, PART_BYTES_MAX);
    if (parts[part].is_public)
        is_got = api_fetch(api, parts[part].path, false, PART_BYTES_MAX, &bytes, &err);
    else if (parts[part].is_list)
        is_got = api_list(api, parts[part].path, LIST_MAX, &tree, &err);
    else
        is_got = api_call(api, "GET", parts[part].path, NULL, &tree, &err);
    if (!is_got) {
        add_missing(bundle, parts[part].file, &err);
        return;
    }
    if (tree) {
        text = json_dumps(tree, JSON_INDENT(1));
        buf_add_text(&bytes, text ? text : "");
    }
    add(bundle, parts[part].file, buf_text(&bytes), bytes.len);
}

/* Why running deployments do not go on. */
static void add_stuck(struct bundle *bundle, struct api *api)
{
    AUTO_JSON *list = NULL;
    const json_t *deployment;
    struct err err = {0};
    size_t i;

    if (!api_list(api, "/deployments?state=running", LIST_MAX, &list, &err))
        return;
    json_array_foreach(json_object_get(list, "items"), i, deployment)
    {
        const char *id = json_string_value(json_object_get(deployment, "id"));
        AUTO_FREE char *path = mem_printf("/deployments/%s/stuck", id ? id : "");
        AUTO_FREE char *file = mem_printf("problems/stuck-%s.json", id ? id : "");
        AUTO_JSON *stuck = NULL;
        AUTO_FREE char *text = NULL;

        if (!api_list(api, path, LIST_MAX, &stuck, &err))
            continue;
        text = json_text(stuck);
        add(bundle, file, text, strlen(text));
    }
}

static void add_file(struct bundle *bundle, const char *name, const char *path)
{
    AUTO_BUF text;
    struct err err = {0};
    size_t from;

    buf_init(&text, LOG_BYTES_MAX);
    if (!file_read(path, &text, &err)) {
        add_missing(bundle, name, &err);
        return;
    }
    from = text.len > LOG_KEPT ? text.len - LOG_KEPT : 0;
    add(bundle, name, buf_text(&text) + from, text.len - from);
}

static void add_about(struct bundle *bundle)
{
    struct utsname machine = {0};
    char time[TEXT_TIME_ROOM];
    AUTO_FREE char *text = NULL;

    (void)uname(&machine); /* all empty, then */
    text_from_time(bundle->now_s * 1000, time);
    text = mem_printf("made %s by slipway\nbuilt by %s\n%s %s %s %s\n", time, __VERSION__,
                      machine.sysname, machine.release, machine.version, machine.machine);
    add(bundle, "about.txt", text, strlen(text));
}

static void fill(struct bundle *bundle, struct api *api, const struct values *values)
{
    add_about(bundle);
    for (size_t i = 0; i < COUNT(parts); i++)
        add_part(bundle, api, i);
    add_stuck(bundle, api);
    if (values->config)
        add_file(bundle, "config/slipway.conf", values->config);
    for (size_t i = 0; i < values->logs.count; i++) {
        AUTO_FREE char *name = mem_printf("logs/%zu.log", i + 1);

        add_file(bundle, name, values->logs.items[i]);
    }
}

/* --- the command -------------------------------------------------------------------------------
 */

static int run_bundle(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    struct bundle bundle = {0};
    AUTO_BUF out;
    AUTO_JSON *tree = NULL;
    struct err err = {0};
    bool is_written;
    int status;

    buf_init(&out, BUNDLE_BYTES_MAX);
    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err))
        return cli_fail(cli, &err);
    bundle.now_s = clock_now_ms() / 1000;
    targz_init(&bundle.targz, BUNDLE_BYTES_MAX);
    fill(&bundle, api, &values);
    is_written = targz_finish(&bundle.targz, &out, &err) &&
                 file_write(values.out, BUNDLE_MODE, out.data, out.len, &err);
    targz_done(&bundle.targz);
    if (!is_written)
        return cli_fail(cli, &err);
    tree = json_pack("{s:s, s:I, s:i}", "file", values.out, "bytes", (json_int_t)out.len, "missing",
                     (int)bundle.missing);
    if (cli->json)
        cli_print_json(cli, tree);
    else
        (void)fprintf(cli->out,
                      "%s: %zu bytes, without secrets as far as we know them: look into it before "
                      "you give it away\n",
                      values.out, out.len);
    if (bundle.missing > 0)
        (void)fprintf(cli->err, "%u parts could not be had; each says why\n", bundle.missing);
    return CLI_DONE;
}

/* clang-format off */
static const struct option options[] = {
    {.name = "out",    .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, out), .value = "FILE", .help = "the bundle, a .tar.gz"},
    {.name = "config", .type = OPTION_TEXT, .field = offsetof(struct values, config), .value = "FILE", .help = "the server's configuration"},
    {.name = "log",    .type = OPTION_TEXTS, .field = offsetof(struct values, logs), .value = "FILE", .help = "a log, its last 4 MiB; may be given several times"},
    API_OPTIONS(struct values), {0}};
const struct cli_command cli_support_commands[] = {
    {"support-bundle", "gather what others need to help you, without secrets", options, "slipway support-bundle --out bundle.tar.gz --config /etc/slipway.conf --log /var/log/slipwayd.log", run_bundle},
    {0},
};
/* clang-format on */
