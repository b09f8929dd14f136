#pragma once
/*
 * What may interrupt the agent: SIGTERM and SIGINT end it, SIGUSR1 asks for a check now, SIGUSR2
 * for a restart into whatever the boot state says. The signals are blocked and asked for, so no
 * handler ever runs.
 */
#include "lib/base/base.h"

struct wake {
    bool stop;
    bool check;
    bool reboot;
};

/* Before any thread exists. */
void wake_init(struct wake *wake);
/* Takes what arrived; waits for it at most `wait_ms` (0: not at all). */
void wake_wait(struct wake *wake, int64_t wait_ms);
