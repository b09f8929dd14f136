/* `slipway fleet simulate`: the options of the simulator and its summary. */
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "cli/client/login.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/sim/sim.h"
#include "cli/sim/trouble.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { CONNECTIONS_DEFAULT = 2000, DURATION_S_MAX = 30 * 86400, FAILURES_MAX = 16 };

struct values {
    const char *url;
    const char *ca;
    const char *claim;
    const char *hwid;
    const char *root;
    const char *installed;
    const char *seed;
    struct option_texts failures;
    struct option_texts crashes;
    uint64_t count;
    uint64_t connections;
    uint64_t duration_s;
    bool until_idle;
};

/* clang-format off */
static const struct option simulate_options[] = {
    {.name = "claim",       .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, claim), .value = "TOKEN", .help = "the claim token of the group the devices join"},
    {.name = "hwid",        .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, hwid), .value = "HWID", .help = "what hardware they are"},
    {.name = "root",        .type = OPTION_TEXT,  .required = true, .field = offsetof(struct values, root), .value = "FILE", .help = "the root of trust they were made with"},
    {.name = "count",       .type = OPTION_U64,   .field = offsetof(struct values, count), .min = 1, .max = SIM_DEVICES_MAX, .value = "N", .help = "how many devices (100)"},
    {.name = "installed",   .type = OPTION_TEXT,  .field = offsetof(struct values, installed), .value = "VERSION", .help = "version or SHA-256 of the image they run at first"},
    {.name = "fail",        .type = OPTION_TEXTS, .field = offsetof(struct values, failures), .value = "VERSION=PERCENT", .help = "on so many devices this version is not healthy"},
    {.name = "crash",       .type = OPTION_TEXTS, .field = offsetof(struct values, crashes), .value = "VERSION=RATE", .help = "devices that run it crash so often a day"},
    {.name = "seed",        .type = OPTION_TEXT,  .field = offsetof(struct values, seed), .value = "TEXT", .help = "the same seed is the same fleet (1)"},
    {.name = "connections", .type = OPTION_U64,   .field = offsetof(struct values, connections), .min = 1, .max = SIM_CONNECTIONS_MAX, .value = "N", .help = "open at most so many at once (2000)"},
    {.name = "duration",    .type = OPTION_U64,   .field = offsetof(struct values, duration_s), .min = 1, .max = DURATION_S_MAX, .value = "SECONDS", .help = "end after this long"},
    {.name = "until-idle",  .type = OPTION_FLAG,  .field = offsetof(struct values, until_idle), .help = "end when nothing happened for three poll intervals"},
    {.name = "url",         .type = OPTION_TEXT,  .field = offsetof(struct values, url), .value = "URL", .help = "the server; otherwise SLIPWAY_URL, the login, or ./var/dev.json"},
    {.name = "ca",          .type = OPTION_TEXT,  .field = offsetof(struct values, ca), .value = "FILE", .help = "PEM certificates to trust for TLS; otherwise SLIPWAY_CA or the system's"},
    {0},
};
/* clang-format on */

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these two */
    (void)sigaction(SIGTERM, &action, NULL);
}

static void print_json(struct cli *cli, const struct sim_summary *summary)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"devices", summary->devices},     {"claimed", summary->claimed},
        {"succeeded", summary->succeeded}, {"rolled_back", summary->rolled_back},
        {"failed", summary->failed},       {"cancelled", summary->cancelled},
        {"skipped", summary->skipped},     {"bytes_fetched", summary->bytes_fetched},
        {"polls", summary->polls},         {"reports", summary->reports},
        {"crashes", summary->crashes},     {"errors", summary->errors},
        {"refusals", summary->refusals},
    };
    AUTO_JSON *tree = json_object();

    for (size_t i = 0; i < COUNT(rows); i++)
        (void)json_object_set_new(tree, rows[i].name, json_integer((json_int_t)rows[i].value));
    (void)json_object_set_new(tree, "last_error", json_string(summary->last_error));
    cli_print_json(cli, tree);
}

static void print(struct cli *cli, const struct sim_summary *summary)
{
    char fetched[TEXT_SIZE_ROOM];

    if (cli->json) {
        print_json(cli, summary);
        return;
    }
    text_from_size(summary->bytes_fetched, fetched);
    (void)fprintf(cli->out, "%" PRIu64 " devices, %" PRIu64 " claimed\n", summary->devices,
                  summary->claimed);
    (void)fprintf(cli->out,
                  "updates: %" PRIu64 " succeeded, %" PRIu64 " rolled back, %" PRIu64
                  " failed, %" PRIu64 " cancelled, %" PRIu64 " skipped\n",
                  summary->succeeded, summary->rolled_back, summary->failed, summary->cancelled,
                  summary->skipped);
    (void)fprintf(cli->out,
                  "%s fetched, %" PRIu64 " polls, %" PRIu64 " reports, %" PRIu64
                  " crashes, %" PRIu64 " errors, %" PRIu64 " refusals\n",
                  fetched, summary->polls, summary->reports, summary->crashes, summary->errors,
                  summary->refusals);
    if (summary->last_error[0])
        (void)fprintf(cli->out, "last error: %s\n", summary->last_error);
}

/* What goes wrong, as asked for; the versions are owned. */
struct troubles {
    struct sim_failure failures[FAILURES_MAX];
    struct sim_crash crashes[FAILURES_MAX];
};

static void troubles_done(struct troubles *troubles)
{
    for (size_t i = 0; i < FAILURES_MAX; i++) {
        mem_free(troubles->failures[i].version);
        mem_free(troubles->crashes[i].version);
    }
}

static bool troubles_parse(const struct values *values, struct troubles *out, struct err *err)
{
    if (values->failures.count > FAILURES_MAX || values->crashes.count > FAILURES_MAX)
        return err_set(err, ERR_LIMIT, "--fail and --crash may be given %d times", FAILURES_MAX);
    for (size_t i = 0; i < values->failures.count; i++)
        if (!sim_failure_parse(values->failures.items[i], &out->failures[i], err))
            return err_wrap(err, "--fail");
    for (size_t i = 0; i < values->crashes.count; i++)
        if (!sim_crash_parse(values->crashes.items[i], &out->crashes[i], err))
            return err_wrap(err, "--crash");
    return true;
}

static bool simulate(struct cli *cli, const struct values *values, const struct troubles *troubles,
                     struct err *err)
{
    struct sim_summary summary;
    AUTO_LOGIN login = {0};
    struct sim_options options = {
        .ca_file = values->ca ? values->ca : getenv("SLIPWAY_CA"),
        .claim = values->claim,
        .hwid = values->hwid,
        .root = values->root,
        .installed = values->installed,
        .seed = values->seed,
        .failures = troubles->failures,
        .failure_count = values->failures.count,
        .crashes = troubles->crashes,
        .crash_count = values->crashes.count,
        .count = values->count,
        .connections = values->connections,
        .duration_s = values->duration_s,
        .until_idle = values->until_idle,
        .progress = cli->err,
        .stop = &stop_asked,
    };

    if (!login_find(values->url, NULL, &login, err))
        return false;
    options.url = login.url;
    catch_signals();
    if (!sim_run(&options, &summary, err))
        return false;
    print(cli, &summary);
    return true;
}

static int run_simulate(int argc, char **argv, struct cli *cli)
{
    struct values values = {.count = 100, .seed = "1", .connections = CONNECTIONS_DEFAULT};
    struct troubles troubles = {0};
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!troubles_parse(&values, &troubles, &err))
        status = cli_usage(cli, "%s", err.text);
    else if (!simulate(cli, &values, &troubles, &err))
        status = cli_fail(cli, &err);
    troubles_done(&troubles);
    return status;
}

const struct cli_command cli_fleet_commands[] = {
    {"fleet simulate", "many devices at once, over the real protocol", simulate_options,
     "slipway fleet simulate --claim TOKEN --hwid demo --root 1.root.json --count 2000 \\\n"
     "      --installed 1.0 --fail 3.0=60 --until-idle",
     run_simulate},
    {0},
};
