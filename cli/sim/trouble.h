#pragma once
/*
 * What simulated devices have to tell beside updates: how long they were up, and their crashes.
 */
#include "lib/base/err.h"

/* A version whose devices crash so often; the version is owned. */
struct sim_crash {
    char *version;
    uint64_t per_day; /* of one device */
};

enum { SIM_CRASHES_PER_DAY_MAX = 100000000 };

/* "VERSION=RATE", a whole number of crashes per device and day. */
MUST_USE bool sim_crash_parse(const char *text, struct sim_crash *out, struct err *err);
/* Of a version; 0: it is not in the list, or NULL. */
uint64_t sim_crash_rate(const struct sim_crash *crashes, size_t count, const char *version);
/* How many crashes fall into so long a time, when `chance` is uniform in [0, 2^32): 0 or 1, or as
 * many as are to be expected where that is more. */
uint64_t sim_crash_draw(uint64_t per_day, int64_t span_ms, uint32_t chance);
