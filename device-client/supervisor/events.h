#pragma once
/*
 * What the device tells of its troubles: how long it was up, restarts that nobody planned, crashes
 * of the kernel, and what others on it put into STATE/events. Told when the server wants to hear
 * it, else hourly (troubles) and daily (uptime).
 */
#include "device-client/supervisor/parts.h"

/* Before anything else of a start: looks what became of the last one. */
void events_start(struct agent *agent);
/* After a cycle that went well: what is due goes into the queue. */
void events_collect(struct agent *agent);
/* The agent ends because somebody wants it to: the next start was planned. */
void events_stop(struct agent *agent);
