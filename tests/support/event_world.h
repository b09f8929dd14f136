#pragma once
/* Events of a device of world.h, for tests of what becomes of them. */
#include "server/store/store_event.h"
#include "tests/support/world.h"

/* Times are in hours after 2026-05-10 00:00 UTC. */
struct store_event event_of(int64_t device, int64_t seq, const char *category, double hour);
struct store_event uptime_of(int64_t device, int64_t seq, double from, double to);
/* The world with so many devices; `answer` belongs to it. */
void event_world_open(struct fixture *fixture, struct answer *answer, unsigned devices);
/* Stores them; the answer in text: "uuid|back|title|notice" for each new issue. */
const char *event_world_add(struct answer *answer, const struct store_event *events, size_t count);
/* A deployment that began at 02:00 of the day, and the row of device 1 in it, in stratum 7 (none
 * when `state` is ""); times as SQL. */
void event_world_deploy(const struct fixture *fixture, const char *state, const char *activated,
                        const char *ended);
