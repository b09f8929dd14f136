/*
 * The boot loader's half of the `file` backend: reads the boot state, counts the attempt before
 * it starts anything, "mounts" the chosen slot, and runs the agent from it.
 *
 *   file-loader --boot FILE --slot-a FILE --slot-b FILE [--unpack PROGRAM] [--root-dir DIR]
 *               [--respawn] -- AGENT ARGUMENTS...
 *
 * The agent is started with `--slot a|b`, and with `--health DIR/usr/lib/slipway/health` when
 * the slot brought one. Its exit status 75 is a reboot. Any other death is a power cut: the
 * loader ends too, or with --respawn starts again as after a cut. SIGTERM and SIGINT are passed
 * on and end the loader. A slot that --unpack cannot unpack did not boot.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device-client/boot/file.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"

enum { EXIT_REBOOT = 75, UNPACK_MS_MAX = 60000, ARGUMENTS_MAX = 60, REST_MS = 100 };

struct loader {
    const char *boot;
    const char *slots[SLOT_COUNT];
    const char *unpack;
    const char *root_dir;
    bool respawn;
    const char *const *agent; /* NULL-terminated */
};

static volatile sig_atomic_t stopped;
static volatile sig_atomic_t agent_pid;

static void on_stop(int number)
{
    stopped = 1;
    if (agent_pid > 0)
        (void)kill(agent_pid, number);
}

/* The value of the option at argv[*i], which is then skipped. */
static const char *value_of(int argc, char **argv, int *i)
{
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool parse(int argc, char **argv, struct loader *out)
{
    struct {
        const char *name;
        const char **value;
    } options[] = {
        {"--boot", &out->boot},
        {"--slot-a", &out->slots[SLOT_A]},
        {"--slot-b", &out->slots[SLOT_B]},
        {"--unpack", &out->unpack},
        {"--root-dir", &out->root_dir},
    };

    for (int i = 1; i < argc; i++) {
        size_t k = 0;

        if (text_equal(argv[i], "--")) {
            out->agent = (const char *const *)&argv[i + 1];
            return out->boot && out->slots[SLOT_A] && out->slots[SLOT_B] && argc > i + 1 &&
                   argc - i < ARGUMENTS_MAX && (!out->unpack || out->root_dir);
        }
        if (text_equal(argv[i], "--respawn")) {
            out->respawn = true;
            continue;
        }
        while (k < COUNT(options) && !text_equal(argv[i], options[k].name))
            k++;
        if (k == COUNT(options) || !(*options[k].value = value_of(argc, argv, &i)))
            return false;
    }
    return false;
}

static bool unpack(const struct loader *loader, enum slot slot, struct err *err)
{
    const char *const argv[] = {loader->unpack, loader->slots[slot], loader->root_dir, NULL};
    const struct spawn_options options = {.output_fd = -1};
    int status;

    if (!loader->unpack)
        return true;
    if (!spawn_run(argv, &options, UNPACK_MS_MAX, &status, err))
        return false;
    return status == 0 || err_set(err, ERR_INVALID, "slot %s cannot be mounted (status %d)",
                                  slot_name(slot), status);
}

/* The agent's exit status, or 128 + signal. */
static bool run_agent(const struct loader *loader, enum slot slot, int *status, struct err *err)
{
    const struct spawn_options options = {.output_fd = -1};
    const char *argv[ARGUMENTS_MAX + 5];
    size_t count = 0;
    AUTO_FREE char *health = NULL;
    int wait_status = 0;
    pid_t pid;

    while (loader->agent[count]) {
        argv[count] = loader->agent[count];
        count++;
    }
    argv[count++] = "--slot";
    argv[count++] = slot_name(slot);
    if (loader->root_dir) {
        health = mem_printf("%s/usr/lib/slipway/health", loader->root_dir);
        if (file_exists(health)) {
            argv[count++] = "--health";
            argv[count++] = health;
        }
    }
    argv[count] = NULL;
    if (!spawn_start(argv, &options, &pid, err))
        return false;
    agent_pid = pid;
    if (stopped)
        (void)kill(pid, SIGTERM);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    agent_pid = 0;
    *status = spawn_exit_status(wait_status);
    return true;
}

/* One start. False: the loader ends with *status. */
static bool start(const struct loader *loader, int *status, struct err *err)
{
    struct boot_record record = {0};
    enum slot slot;

    *status = 1;
    if (!boot_file_load(loader->boot, &record, err))
        return false;
    slot = boot_choose(&record.status);
    if (!boot_file_store(loader->boot, &record, err))
        return false;
    (void)fprintf(stderr, "file-loader: starting slot %s\n", slot_name(slot));
    if (!unpack(loader, slot, err)) {
        (void)fprintf(stderr, "file-loader: %s\n", err->text);
        return slot != record.status.active; /* the active slot would fail for ever */
    }
    if (!run_agent(loader, slot, status, err))
        return false;
    if (*status == EXIT_REBOOT)
        return true;
    if (loader->respawn && !stopped) {
        (void)poll(NULL, 0, REST_MS); /* an agent that always dies must not fill the machine */
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct loader loader = {0};
    const struct sigaction action = {.sa_handler = on_stop};
    struct err err = {0};
    int status = 1;

    if (!parse(argc, argv, &loader)) {
        (void)fprintf(stderr,
                      "usage: file-loader --boot FILE --slot-a FILE --slot-b FILE [--unpack "
                      "PROGRAM] [--root-dir DIR] [--respawn] -- AGENT ARGUMENTS...\n");
        return 2;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    while (!stopped && start(&loader, &status, &err))
        ;
    if (err.code != ERR_NONE)
        (void)fprintf(stderr, "file-loader: %s\n", err.text);
    return status;
}
