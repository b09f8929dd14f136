#pragma once
/*
 * Rollouts played in memory, judged by the engine's own code: how many devices a bad release
 * touches before it is stopped, and how often a good one is stopped by mistake. Seeded: the same
 * plan gives the same figures.
 */
#include "lib/base/base.h"

struct sim_installs {
    unsigned devices;
    unsigned rollouts;
    unsigned poll_s;
    unsigned install_s;  /* from the permission to switch to its outcome */
    double fail;         /* share of the devices on which the release fails */
    double quiet;        /* share that goes quiet for ever, with the update and without */
    double variant;      /* share of the devices that are of another hardware ... */
    double variant_fail; /* ... and the share of these on which it fails */
    uint64_t seed;
};
struct sim_installs_result {
    unsigned halted;
    unsigned stalled; /* neither halted nor finished in 30 days */
    double touched_mean;
    unsigned touched_median, touched_95;
    unsigned variant_median, variant_95;
    double hours_median;
};
void sim_installs(const struct sim_installs *plan, struct sim_installs_result *out);

/* Crashes after a clean install, hour by hour. */
struct sim_crashes {
    unsigned devices;
    unsigned rollouts;
    double daily;          /* chance of a bad day without the update */
    double ratio;          /* ... so many times that with it */
    unsigned chronic;      /* devices that crash every day whatever they run, */
    unsigned chronic_days; /* ... and were seen to on so many of the days before */
    bool is_staged; /* 3 devices, 1 % for 2 h, 15 % for good; else 3 % at once and for good */
    unsigned hours; /* then it is over */
    uint64_t seed;
};
struct sim_crashes_result {
    unsigned halted;
    double days_median, days_95; /* device-days of reported exposure of updated devices */
    double hours_median, hours_95;
    double share_95; /* of the fleet that had it */
};
void sim_crashes(const struct sim_crashes *plan, struct sim_crashes_result *out);
