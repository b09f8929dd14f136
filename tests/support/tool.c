#include "tests/support/tool.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_MAX = 4096 };

static void run_child(const char *command)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd >= 0 && dup2(fd, 0) >= 0 && dup2(fd, 1) >= 0 && dup2(fd, 2) >= 0)
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

int tool_run(const char *fmt, ...)
{
    char command[COMMAND_MAX];
    int status = -1;
    va_list args;
    pid_t child;

    va_start(args, fmt);
    ASSERT(vsnprintf(command, sizeof(command), fmt, args) < (int)sizeof(command));
    va_end(args);
    child = fork();
    if (child == 0)
        run_child(command);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}
