/* `slipway-agent run`, `check` and `install`: what opens the agent and lets it work. */
#include <signal.h>
#include <stdio.h>

#include "device-client/command.h"
#include "device-client/limits.h"
#include "device-client/supervisor/agent.h"
#include "lib/base/text.h"

/* Milliseconds; the default when not given. */
static bool parse_ms(const char *name, const char *text, int64_t *out)
{
    uint64_t value = 0;
    size_t len = 0;

    if (!text)
        return true;
    while (text[len])
        len++;
    if (!text_to_u64(text, len, 0, INT32_MAX, &value)) {
        (void)fprintf(stderr, "slipway-agent: %s is a number of milliseconds\n", name);
        return false;
    }
    *out = (int64_t)value;
    return true;
}

int command_run(int argc, char **argv)
{
    struct agent_options options = {.first_poll_ms = FIRST_POLL_MS_MAX, .poll_floor_ms = 0};
    const char *first = NULL;
    const char *floor = NULL;
    const struct option table[] = {
        {.name = "--state", .value = &options.state_dir, .required = true},
        {.name = "--slot", .value = &options.slot},
        {.name = "--health", .value = &options.health},
        {.name = "--boot-id", .value = &options.boot_id},
        {.name = "--first-poll-ms", .value = &first},
        {.name = "--poll-floor-ms", .value = &floor},
    };
    struct agent *agent = NULL;
    enum agent_end end;
    struct err err = {0};

    if (!options_parse(argc, argv, table, COUNT(table)) ||
        !parse_ms("--first-poll-ms", first, &options.first_poll_ms) ||
        !parse_ms("--poll-floor-ms", floor, &options.poll_floor_ms))
        return EXIT_USAGE;
    if (!agent_open(&options, &agent, &err))
        return command_failed(&err);
    end = agent_run(agent);
    agent_close(agent);
    switch (end) {
    case AGENT_STOPPED:
        return EXIT_OK;
    case AGENT_REBOOT:
        return EXIT_REBOOT;
    case AGENT_FAILED:
        break;
    }
    return EXIT_FAILED;
}

static int finish(struct agent *agent, bool ok, enum machine_next next, const struct err *err)
{
    agent_close(agent);
    if (!ok)
        return command_failed(err);
    return next == MACHINE_REBOOT ? EXIT_REBOOT : EXIT_OK;
}

int command_check(int argc, char **argv)
{
    struct agent_options options = {0};
    const struct option table[] = {
        {.name = "--state", .value = &options.state_dir, .required = true},
        {.name = "--slot", .value = &options.slot},
    };
    enum machine_next next = MACHINE_REST;
    struct agent *agent = NULL;
    struct err err = {0};
    int pid = 0;
    bool ok;

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    if (!command_find_agent(options.state_dir, &pid, &err))
        return command_failed(&err);
    if (pid) {
        (void)printf("the running agent checks now\n");
        return kill(pid, SIGUSR1) == 0 ? EXIT_OK : EXIT_FAILED;
    }
    if (!agent_open(&options, &agent, &err))
        return command_failed(&err);
    ok = agent_check(agent, &next, &err);
    return finish(agent, ok, next, &err);
}

int command_install(int argc, char **argv)
{
    struct agent_options options = {0};
    const char *file = NULL;
    const struct option table[] = {
        {.value = &file, .required = true},
        {.name = "--state", .value = &options.state_dir, .required = true},
        {.name = "--slot", .value = &options.slot},
    };
    enum machine_next next = MACHINE_REST;
    struct agent *agent = NULL;
    struct err err = {0};
    bool ok;

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    if (!agent_open(&options, &agent, &err))
        return command_failed(&err);
    ok = agent_install(agent, file, &next, &err);
    if (ok)
        (void)printf(next == MACHINE_REBOOT ? "installed; the next start tries it\n"
                                            : "nothing to do\n");
    return finish(agent, ok, next, &err);
}
