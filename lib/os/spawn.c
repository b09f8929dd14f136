/* fork and exec, with a close-on-exec pipe that brings exec's errno back: "not found" is an error
 * of spawn_start(), not a strange exit status later. */
#include "lib/os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

static void limit(__rlimit_resource_t what, rlim_t value)
{
    struct rlimit bound = {.rlim_cur = value, .rlim_max = value};

    if (value)
        (void)setrlimit(what, &bound); /* a bound that cannot be set leaves the system's own */
}

static void reset_signals(void)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
}

static bool redirect(int output_fd)
{
    int null_fd = open("/dev/null", O_RDWR);

    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
        return false;
    if (output_fd < 0)
        return true;
    return dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(output_fd, STDERR_FILENO) >= 0;
}

/* Only async-signal-safe calls but putenv: the parent may have threads, but their locks are not
 * touched by any of these in glibc. */
NORETURN static void child(const char *const *argv, const struct spawn_options *options, int tell,
                           pid_t parent)
{
    int saved;

    reset_signals();
    if (options->ends_with_us) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a signal that exists */
        if (getppid() != parent)
            _exit(127); /* it ended before we asked */
    }
    if (options->own_group)
        (void)setpgid(0, 0);
    limit(RLIMIT_AS, options->memory_bytes);
    limit(RLIMIT_CPU, options->cpu_s);
    if (redirect(options->output_fd) && (!options->dir || chdir(options->dir) == 0)) {
        char **args;

        for (size_t i = 0; options->extra_env && options->extra_env[i]; i++)
            (void)putenv(strdup(options->extra_env[i]));
        memcpy(&args, &argv, sizeof(argv)); /* execvp's historic signature lacks const */
        (void)execvp(argv[0], args);
    }
    saved = errno;
    (void)!write(tell, &saved, sizeof(saved));
    _exit(127);
}

bool spawn_start(const char *const *argv, const struct spawn_options *options, pid_t *out,
                 struct err *err)
{
    int pipe_fds[2];
    int child_errno = 0;
    ssize_t n;
    pid_t parent = getpid();
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return err_system(err, "could not make a pipe");
    pid = fork();
    if (pid == 0)
        child(argv, options, pipe_fds[1], parent);
    (void)close(pipe_fds[1]);
    if (pid < 0) {
        (void)close(pipe_fds[0]);
        return err_system(err, "could not start '%s'", argv[0]);
    }
    do {
        n = read(pipe_fds[0], &child_errno, sizeof(child_errno));
    } while (n < 0 && errno == EINTR);
    (void)close(pipe_fds[0]);
    if (n == (ssize_t)sizeof(child_errno)) {
        (void)waitpid(pid, NULL, 0);
        errno = child_errno;
        return err_system(err, "could not start '%s'", argv[0]);
    }
    *out = pid;
    return true;
}

int spawn_exit_status(int wait_status)
{
    if (WIFEXITED(wait_status))
        return WEXITSTATUS(wait_status);
    return 128 + WTERMSIG(wait_status);
}

/* Polls with a growing pause: a child that ends at once costs a millisecond, a long one little. */
static bool wait_until(pid_t pid, int64_t deadline_mono_ms, int *wait_status)
{
    int pause_ms = 1;

    for (;;) {
        pid_t done = waitpid(pid, wait_status, WNOHANG);

        if (done == pid)
            return true;
        if (clock_mono_ms() >= deadline_mono_ms)
            return false;
        (void)poll(NULL, 0, pause_ms);
        pause_ms = pause_ms < 50 ? pause_ms * 2 : 50;
    }
}

bool spawn_run(const char *const *argv, const struct spawn_options *options, int64_t timeout_ms,
               int *status, struct err *err)
{
    struct spawn_options own = *options;
    int wait_status = 0;
    pid_t pid = -1;

    own.own_group = true;
    if (!spawn_start(argv, &own, &pid, err))
        return false;
    if (timeout_ms == 0) {
        while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
            ;
    } else if (!wait_until(pid, clock_mono_ms() + timeout_ms, &wait_status)) {
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, &wait_status, 0);
        return err_set(err, ERR_UNAVAILABLE, "'%s' did not end within %lld ms", argv[0],
                       (long long)timeout_ms);
    }
    *status = spawn_exit_status(wait_status);
    return true;
}
