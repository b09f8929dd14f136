/* sigtimedwait() is the whole event loop that an agent with blocking requests needs. */
#include "device-client/supervisor/wake.h"

#include <signal.h>
#include <time.h>

static sigset_t watched(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    return set;
}

void wake_init(struct wake *wake)
{
    const sigset_t set = watched();

    *wake = (struct wake){0};
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

void wake_wait(struct wake *wake, int64_t wait_ms)
{
    const sigset_t set = watched();
    struct timespec limit = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};

    for (;;) {
        int number = sigtimedwait(&set, NULL, &limit);

        if (number < 0)
            return;
        if (number == SIGUSR1)
            wake->check = true;
        else if (number == SIGUSR2)
            wake->reboot = true;
        else
            wake->stop = true;
        limit = (struct timespec){0}; /* whatever else is there, then back */
    }
}
