#pragma once
/*
 * Child processes without a shell: a program, its arguments, and where its output goes. The
 * child gets default signals and no descriptor of ours but standard input (/dev/null), output
 * and error.
 */
#include <sys/types.h>

#include "lib/base/err.h"

struct spawn_options {
    const char *dir;       /* working folder, or NULL */
    int output_fd;         /* where standard output and error go; -1 inherits ours */
    uint64_t memory_bytes; /* RLIMIT_AS, 0 = none */
    unsigned cpu_s;        /* RLIMIT_CPU, 0 = none */
    bool own_group;        /* a process group of its own, so that all of it can be killed */
    bool ends_with_us; /* killed when the thread that starts it ends, however: kill -9 included */
    const char *const *extra_env; /* NULL-terminated "NAME=value" added to ours, or NULL */
};

/* `argv[0]` is a path, or a name looked up in PATH. The caller waits for the child. */
MUST_USE bool spawn_start(const char *const *argv, const struct spawn_options *options, pid_t *out,
                          struct err *err);
/* Runs to the end. `*status` is the exit status, or 128 + signal. Past `timeout_ms` (0 = none)
 * the child's group is killed: ERR_UNAVAILABLE. Blocks. */
MUST_USE bool spawn_run(const char *const *argv, const struct spawn_options *options,
                        int64_t timeout_ms, int *status, struct err *err);
/* waitpid()'s status as above. */
int spawn_exit_status(int wait_status);
