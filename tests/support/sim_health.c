/* A device is bad at most once a day, in the hour of its first crash of the day; on the day of its
 * update once on either side. */
#include "tests/support/sim_health.h"

#include <math.h>

#include "tests/support/sim_random.h"

enum { HOUR_S = 3600, DAY_H = 24, BEFORE_DAYS = 14 };

/* Devices that crash every hour or so have their bad day early in the day. */
static const double chronic_first_h = 1.2;

/* Known from the days before, or seen by now. */
static bool leaves_chronic_out(const struct sim_health *health)
{
    return !health->plan->is_chronic_unknown || health->hour >= DAY_H * GATE_CHRONIC_DAYS;
}

/* Of ordinary devices, whose bad days are `mean` on average by now, those that had not too many. */
static double kept(double mean)
{
    double share = 0, chance = exp(-mean);

    for (int bad = 0; bad < GATE_CHRONIC_DAYS; bad++) {
        share += chance;
        chance *= mean / (bad + 1);
    }
    return share;
}

void sim_health_begin(struct sim_health *health, const struct sim_plan *plan, uint64_t *random)
{
    health->plan = plan;
    health->random = random;
    health->before = (struct gate_hour){0};
    health->hour = health->updated = health->arrived = 0;
    health->chronic_updated = health->chronic_arrived = 0;
    health->arrived_s = 0;
}

void sim_health_switched(struct sim_health *health, unsigned device, double now_s)
{
    double left_s = (health->hour + 1.0) * HOUR_S - now_s;

    if (device < health->plan->chronic) {
        health->chronic_arrived++;
        if (leaves_chronic_out(health))
            return;
    }
    health->arrived++;
    health->arrived_s += left_s > 0 ? left_s : 0;
}

/* Chronic devices whose first crash of the day is in this hour. */
static int64_t chronic_bad(struct sim_health *health, unsigned devices)
{
    double h = health->hour % DAY_H;
    double share = exp(-h / chronic_first_h) - exp(-(h + 1) / chronic_first_h);
    int64_t bad = 0;

    for (unsigned i = 0; i < devices; i++)
        bad += sim_chance(health->random) < share;
    return bad;
}

void sim_health_end_hour(struct sim_health *health)
{
    const struct sim_plan *plan = health->plan;
    double daily = plan->crash_daily / (DAY_H * HOUR_S);
    unsigned counted = plan->devices - (leaves_chronic_out(health) ? plan->chronic : 0);
    double mean = plan->crash_daily * (BEFORE_DAYS + health->hour / (double)DAY_H);
    double worse = plan->crash_daily * (plan->crash_ratio - 1) * health->hour / DAY_H;
    double all_s = (double)health->updated * HOUR_S + health->arrived_s;
    double updated_s = all_s * kept(mean + worse);
    double control_s = ((double)counted * HOUR_S - all_s) * kept(mean);
    struct gate_hour *cell = &health->hours[health->hour];

    *cell = (struct gate_hour){
        .hour_ms = (int64_t)health->hour * HOUR_S * 1000,
        .updated_s = (int64_t)updated_s,
        .control_s = (int64_t)control_s,
        .updated_bad = sim_poisson(health->random, updated_s * daily * plan->crash_ratio),
        .control_bad = sim_poisson(health->random, control_s * daily),
    };
    if (!leaves_chronic_out(health)) {
        unsigned switched = health->chronic_updated + health->chronic_arrived;

        cell->updated_bad += chronic_bad(health, health->chronic_updated);
        cell->updated_bad += health->chronic_arrived; /* once more, on this side */
        cell->control_bad += chronic_bad(health, plan->chronic - switched);
        health->before.control_bad += (int64_t)health->chronic_arrived * BEFORE_DAYS;
    }
    health->before.control_s += (int64_t)health->arrived * BEFORE_DAYS * DAY_H * HOUR_S;
    health->before.control_bad +=
        sim_poisson(health->random, health->arrived * BEFORE_DAYS * plan->crash_daily);
    health->updated += health->arrived;
    health->chronic_updated += health->chronic_arrived;
    health->arrived = health->chronic_arrived = 0;
    health->arrived_s = 0;
    health->hour++;
}

size_t sim_health_known(const struct sim_health *health)
{
    return health->hour > health->plan->late_h ? health->hour - health->plan->late_h : 0;
}

double sim_health_days(const struct sim_health *health)
{
    double days = 0;

    for (size_t i = 0; i < sim_health_known(health); i++)
        days += (double)health->hours[i].updated_s / (DAY_H * HOUR_S);
    return days;
}
