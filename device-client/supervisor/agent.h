#pragma once
/*
 * The agent at work in one state folder: opened by the daemon and by the commands that change
 * something. Exactly one at a time (STATE/lock).
 */
#include "device-client/supervisor/machine.h"
#include "device-client/supervisor/wake.h"

struct agent;

struct agent_options {
    const char *state_dir;
    const char *slot;      /* "a" or "b": what the loader started; NULL: what the boot state says */
    const char *health;    /* replaces the provisioned health program; NULL: that one */
    const char *boot_id;   /* file with the id of this start of the system; NULL: the kernel's */
    int64_t first_poll_ms; /* the first poll comes at a random time below this */
    int64_t poll_floor_ms; /* polls are never closer together */
};

/* ERR_CONFLICT when an agent runs there already. */
MUST_USE bool agent_open(const struct agent_options *options, struct agent **out, struct err *err);
void agent_close(struct agent *agent);

enum agent_end { AGENT_STOPPED, AGENT_REBOOT, AGENT_FAILED };

/* Until a signal or a reboot. Failures are logged and waited for; AGENT_FAILED only when the
 * device's own disk does not work at the start. */
enum agent_end agent_run(struct agent *agent);
/* One check, with everything that follows from it. */
MUST_USE bool agent_check(struct agent *agent, enum machine_next *next, struct err *err);
/* Puts an image file into the other slot and tells the loader to try it; nothing is fetched, and
 * the file must be a target of the stored, signed metadata. */
MUST_USE bool agent_install(struct agent *agent, const char *file, enum machine_next *next,
                            struct err *err);
