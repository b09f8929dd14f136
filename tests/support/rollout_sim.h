#pragma once
/*
 * Rollouts played in memory, judged by the engine's own code: how many devices a bad release
 * touches before it is stopped, how long its crashes go on, and how often a good one is stopped by
 * mistake. Seeded: the same plan gives the same figures.
 */
#include "server/rollout/phase.h"

struct sim_plan {
    const char *what; /* for who prints it */
    unsigned devices;
    unsigned rollouts;
    uint64_t seed;
    const struct rollout_phase *phases; /* by count or by share; NULL: 1, 10, 50, 100 % */
    unsigned phase_count;
    unsigned poll_s;
    unsigned install_s; /* from the permission to switch to its outcome */
    unsigned hours_max; /* then it is over; 0: 30 days */
    double fail;        /* share of the devices on which the release fails */
    double quiet;       /* share that is not heard of again: once it switched; others at any time */
    double variant;     /* share of the devices that are of another hardware ... */
    double variant_fail; /* ... and the share of these on which it fails */
    /* crashes after a clean install */
    double crash_daily; /* chance of a bad day without the update; 0: nobody looks at crashes */
    double crash_ratio; /* ... so many times that with it */
    unsigned chronic;   /* so many devices crash every hour or so, whatever they run */
    bool is_chronic_unknown; /* nobody has seen that before: they are not left out */
    unsigned late_h;         /* reports of an hour are there so many hours after its end */
};

struct sim_result {
    unsigned halted;
    unsigned unfinished; /* neither halted nor finished when it was over */
    double touched_mean;
    unsigned touched_median, touched_95; /* devices allowed to switch */
    unsigned variant_median, variant_95; /* ... of the other hardware */
    double hours_median, hours_95;
    double days_median, days_95; /* device-days of updated devices that were reported */
};
void sim_play(const struct sim_plan *asked, struct sim_result *out);
