#pragma once
/*
 * Crashes of a simulated rollout: uptime and bad device-days hour by hour, as the database adds
 * them up from reports. The first `chronic` devices crash every hour or so; everybody else has a
 * bad day now and then.
 */
#include "server/rollout/gate/health.h"
#include "tests/support/rollout_sim.h"

enum { SIM_HOURS_MAX = 720 };

struct sim_health {
    const struct sim_plan *plan;
    uint64_t *random;
    struct gate_hour hours[SIM_HOURS_MAX]; /* the newest one is under way */
    struct gate_hour before;               /* the 14 days before, of those that are updated */
    unsigned hour;
    unsigned updated; /* devices that count, at the beginning of the hour */
    unsigned arrived; /* ... and during it */
    double arrived_s; /* their uptime in it */
    unsigned chronic_updated;
    unsigned chronic_arrived;
};

void sim_health_begin(struct sim_health *health, const struct sim_plan *plan, uint64_t *random);
/* A device was allowed to switch. */
void sim_health_switched(struct sim_health *health, unsigned device, double now_s);
/* The hour is over: fills it and begins the next. */
void sim_health_end_hour(struct sim_health *health);
/* Hours whose reports are there. */
size_t sim_health_known(const struct sim_health *health);
/* Uptime of updated devices in these, in days. */
double sim_health_days(const struct sim_health *health);
