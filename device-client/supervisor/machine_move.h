#pragma once
/* How the machine's state changes. Private to machine.c and machine_answer.c. */
#include "device-client/supervisor/machine.h"

/* The one function that changes the state. `why` is the refusal, or NULL. When the save fails the
 * record is as before; when only the report does, machine_run() queues it again. */
MUST_USE bool machine_move(struct machine *machine, enum update_event event, const struct err *why,
                           struct err *err);
