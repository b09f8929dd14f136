/*
 * Of b bad days in an hour, with exposures e1 (updated) and e0, each falls on the updated side with
 * the chance q0 = e1 / (e1 + e0) when nothing changed, and q1 = r e1 / (r e1 + e0) when the update
 * makes it r times as likely. Each bad day adds the log of the ratio of the two for its side. Hours
 * without an other side say nothing here.
 */
#include "server/rollout/gate/health.h"

#include <math.h>

static const double day_s = 86400;
/* What the bad days of one cell say for a ratio `r`: bad1 log(q1 / q0) + bad0 log((1 - q1) /
 * (1 - q0)), with what both have in common taken out. */
static double weigh(double r, double e1, double e0, double bad1, double bad0)
{
    if (e1 <= 0 || e0 <= 0 || bad1 + bad0 <= 0)
        return 0;
    return bad1 * log(r) + (bad1 + bad0) * log((e1 + e0) / (r * e1 + e0));
}

static void sum_up(const struct gate_hour *hours, size_t count, struct gate_health *out)
{
    for (size_t i = 0; i < count; i++) {
        out->updated_days += (double)hours[i].updated_s / day_s;
        out->control_days += (double)hours[i].control_s / day_s;
        out->updated_bad += hours[i].updated_bad;
        out->control_bad += hours[i].control_bad;
    }
}

/* The walk never falls below its floor: good days before are little credit for bad ones now. */
static double walk_hours(double r, const struct gate_hour *hours, size_t count, double lower)
{
    double statistic = 0;

    for (size_t i = 0; i < count; i++) {
        statistic += weigh(r, (double)hours[i].updated_s, (double)hours[i].control_s,
                           (double)hours[i].updated_bad, (double)hours[i].control_bad);
        if (statistic < lower)
            statistic = lower;
    }
    return statistic;
}

/* Wald's bound log(1 / alpha) would keep more than it promises, because a walk that crosses it is
 * beyond it by then. This one rises by log(r) at once and falls slowly, so what it is beyond by is
 * known, by renewal theory (D. Siegmund, Sequential Analysis, 1985, ch. VIII): with the ladder
 * heights' density e^x / (r - 1) up to log(r), the mean of e^-overshoot is the quotient below. */
double gate_health_upper(const struct gate_health_settings *settings)
{
    double r = settings->ratio;
    double beyond = (r - 1 - log(r)) / (r * log(r) - r + 1);

    return log(beyond / settings->alpha);
}

void gate_health_judge(const struct gate_health_settings *settings, const struct gate_hour *hours,
                       size_t count, double share_not_updated, const struct gate_hour *before,
                       struct gate_health *out)
{
    static const double hardly_anybody = 0.1;

    *out = (struct gate_health){.lower = 4 * log(settings->beta),
                                .upper = gate_health_upper(settings)};
    if (!settings->is_on)
        return;
    sum_up(hours, count, out);
    out->statistic = walk_hours(settings->ratio, hours, count, out->lower);
    if (share_not_updated < hardly_anybody && before && before->control_s > 0) {
        double own = weigh(settings->ratio, out->updated_days * day_s, (double)before->control_s,
                           (double)out->updated_bad, (double)before->control_bad);

        out->is_own_history = true;
        out->control_days = (double)before->control_s / day_s;
        out->control_bad = before->control_bad;
        out->statistic = own > out->lower ? own : out->lower;
    }
    if (out->statistic >= out->upper)
        out->verdict = GATE_STOP;
}
