#pragma once
/*
 * Crashes after a clean install: days of devices with at least one, never their number, because a
 * few devices make most crashes. Updated devices are compared with those of the same stratum that
 * are not updated yet, hour by hour: given the bad days of an hour on both sides, how many fall on
 * the updated side depends only on the exposures when the update changes nothing. So what the hour
 * does to everybody (a site's outage, a holiday) cancels out.
 *
 * When hardly anybody is left to compare with, the same devices' own days before the update are the
 * other side, and the evidence says so. Pure.
 */
#include "server/rollout/gate/install.h"

/* A device that was bad on so many days, counted from 14 days before the deployment, is left out
 * from then on, on both sides, with its uptime: a few devices make most crashes, whatever they run.
 * Who counts, counts so. */
enum { GATE_CHRONIC_DAYS = 3 };

/* One hour of one stratum; by stratum and hour. */
struct gate_hour {
    int64_t stratum;
    int64_t hour_ms;
    int64_t updated_s; /* uptime that was reported */
    int64_t updated_bad;
    int64_t control_s;
    int64_t control_bad;
};

struct gate_health {
    enum gate_verdict verdict;
    double statistic, lower, upper;
    double updated_days, control_days; /* device-days of uptime */
    int64_t updated_bad, control_bad;
    bool is_own_history;
};

/* Where the statistic stops a deployment. */
double gate_health_upper(const struct gate_health_settings *settings);

/* `hours` in the order of time; `share_not_updated` of the group's devices; `before`: sums over the
 * days before the update in control_s and control_bad, of the devices that are updated now. */
void gate_health_judge(const struct gate_health_settings *settings, const struct gate_hour *hours,
                       size_t count, double share_not_updated, const struct gate_hour *before,
                       struct gate_health *out);
