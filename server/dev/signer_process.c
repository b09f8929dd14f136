/* A child of ours: its end is seen by waitpid(), and it holds a lock on its folder, so two of them
 * cannot meet. */
#include "server/dev/signer_process.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "lib/os/unix.h"

enum { START_MS_MAX = 20000, STOP_MS_MAX = 5000, LOOK_MS = 10 };

struct signer_process {
    pid_t pid; /* 0: it ended and was waited for */
};

static char *state_of(const char *dir)
{
    return mem_printf("%s/signer", dir);
}

static char *socket_of(const char *dir)
{
    return mem_printf("%s/signer/socket", dir);
}

static char *program_beside_us(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (len <= 0)
        return mem_strdup("slipway-signer");
    path[len] = '\0';
    slash = strrchr(path, '/');
    return mem_printf("%.*s/slipway-signer", slash ? (int)(slash - path) : 0, path);
}

static bool start_child(const char *program, const char *dir, pid_t *out, struct err *err)
{
    AUTO_FREE char *state = state_of(dir);
    AUTO_FREE char *socket = socket_of(dir);
    const char *const argv[] = {program, "--state",     state,     "--socket",
                                socket,  "--log-level", "warning", NULL};
    /* A group of its own: an interrupt of the terminal is for the server, which drains first. */
    const struct spawn_options options = {.output_fd = -1, .own_group = true, .ends_with_us = true};

    return spawn_start(argv, &options, out, err);
}

static bool is_listening(const char *dir)
{
    AUTO_FREE char *socket = socket_of(dir);
    AUTO_CLOSE int fd = -1;
    struct err ignored;

    return unix_connect(socket, &fd, &ignored);
}

bool signer_process_is_running(struct signer_process *process)
{
    if (process->pid > 0 && waitpid(process->pid, NULL, WNOHANG) == process->pid)
        process->pid = 0;
    return process->pid > 0;
}

/* One of a server that was killed may still hold the folder's lock: then ours ends at once, and is
 * started again. */
static bool wait_until_listening(struct signer_process *process, const char *program,
                                 const char *dir, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + START_MS_MAX;

    while (!signer_process_is_running(process) || !is_listening(dir)) {
        if (clock_mono_ms() > deadline_ms)
            return err_set(err, ERR_UNAVAILABLE, "slipway-signer did not start within %d ms",
                           START_MS_MAX);
        if (process->pid == 0 && !start_child(program, dir, &process->pid, err))
            return false;
        (void)poll(NULL, 0, LOOK_MS);
    }
    return true;
}

bool signer_process_start(const char *program, const char *dir, struct signer_process **out,
                          struct err *err)
{
    AUTO_FREE char *beside = program ? NULL : program_beside_us();
    AUTO_FREE char *state = state_of(dir);
    AUTO_FREE char *socket = socket_of(dir);
    struct signer_process *process;

    if (!file_make_dirs(state, 0700, err) || !file_remove(socket, err))
        return false;
    process = mem_alloc(sizeof(*process));
    if (!wait_until_listening(process, program ? program : beside, dir, err)) {
        signer_process_stop(process);
        return err_wrap(err, "the signer");
    }
    *out = process;
    return true;
}

pid_t signer_process_pid(const struct signer_process *process)
{
    return process->pid;
}

void signer_process_stop(struct signer_process *process)
{
    int64_t deadline_ms = clock_mono_ms() + STOP_MS_MAX;

    if (!process)
        return;
    if (process->pid > 0)
        (void)kill(process->pid, SIGTERM);
    while (signer_process_is_running(process)) {
        if (clock_mono_ms() > deadline_ms)
            (void)kill(process->pid, SIGKILL);
        (void)poll(NULL, 0, LOOK_MS);
    }
    mem_free(process);
}
