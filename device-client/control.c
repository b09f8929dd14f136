/* `slipway-agent confirm`, `fall-back` and `defer`: a person's word. A running agent is told by a
 * signal; what was said is durable before. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "device-client/command.h"
#include "device-client/limits.h"
#include "device-client/supervisor/agent.h"
#include "device-client/supervisor/config.h"
#include "device-client/supervisor/record.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

/* The boot state is the file's, so these two work beside a running agent as well as alone. */
static bool open_boot(const char *state_dir, struct config *config, struct record *record,
                      const struct boot_backend **out, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "record");

    if (!config_load(state_dir, config, err) || !record_load(path, record, err))
        return false;
    *out = boot_backend_find(config->boot);
    return *out || err_set(err, ERR_INVALID, "there is no boot backend '%s'", config->boot);
}

static bool tell_agent(const char *state_dir, int number, struct err *err)
{
    int pid = 0;

    if (!command_find_agent(state_dir, &pid, err))
        return false;
    return !pid || kill(pid, number) == 0 || err_system(err, "could not tell the agent");
}

static bool confirm(const char *state_dir, struct err *err)
{
    const struct boot_backend *boot = NULL;
    struct config config;
    struct record record;

    return open_boot(state_dir, &config, &record, &boot, err) &&
           boot->confirm(config.boot_file, (enum slot)record.running, err) &&
           tell_agent(state_dir, SIGUSR1, err);
}

int command_confirm(int argc, char **argv)
{
    const char *state_dir = NULL;
    const struct option table[] = {{.name = "--state", .value = &state_dir, .required = true}};
    struct err err = {0};

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    return confirm(state_dir, &err) ? EXIT_OK : command_failed(&err);
}

/* What the device once committed to stays committed: neither a floor nor a security epoch is
 * passed by hand. A slot that is only being tried committed to nothing yet. */
static bool may_fall_back(const struct record *record, const struct boot_status *status,
                          struct err *err)
{
    const struct image *runs = &record->slots[record->running];
    const struct image *other = &record->slots[slot_other((enum slot)record->running)];

    if (!other->known)
        return err_set(err, ERR_CONFLICT, "it is not known what the other slot holds");
    if (other->release_counter < record->floor)
        return err_refuse(err, REFUSAL_BELOW_FLOOR, "the other slot's image may never boot again");
    if (status->active == record->running && runs->known &&
        other->security_epoch < runs->security_epoch)
        return err_refuse(err, REFUSAL_SECURITY_EPOCH,
                          "the other slot's image is of an earlier security epoch");
    return true;
}

static bool fall_back(const char *state_dir, struct err *err)
{
    const struct boot_backend *boot = NULL;
    struct boot_status status = {0};
    struct config config;
    struct record record;

    if (!open_boot(state_dir, &config, &record, &boot, err) ||
        !boot->read(config.boot_file, &status, err) || !may_fall_back(&record, &status, err))
        return false;
    return boot->give_up(config.boot_file, (enum slot)record.running, err) &&
           tell_agent(state_dir, SIGUSR2, err);
}

int command_fall_back(int argc, char **argv)
{
    const char *state_dir = NULL;
    const struct option table[] = {{.name = "--state", .value = &state_dir, .required = true}};
    struct err err = {0};

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    return fall_back(state_dir, &err) ? EXIT_OK : command_failed(&err);
}

int command_defer(int argc, char **argv)
{
    const char *state_dir = NULL;
    const char *minutes_text = NULL;
    const struct option table[] = {
        {.value = &minutes_text, .required = true},
        {.name = "--state", .value = &state_dir, .required = true},
    };
    uint64_t minutes = 0;
    int64_t until_ms = 0;
    struct config config;
    struct err err = {0};

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    if (!text_to_u64(minutes_text, strlen(minutes_text), 0, DEFER_MS_MAX / 60000, &minutes)) {
        (void)fprintf(stderr, "slipway-agent: MINUTES is 0 to %d\n", DEFER_MS_MAX / 60000);
        return EXIT_USAGE;
    }
    if (minutes)
        until_ms = clock_now_ms() + (int64_t)minutes * 60000;
    if (!config_load(state_dir, &config, &err) || !deferral_save(state_dir, until_ms, &err) ||
        !tell_agent(state_dir, SIGUSR1, &err))
        return command_failed(&err);
    return EXIT_OK;
}
