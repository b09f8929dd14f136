/*
 * How many devices a bad release touches before the engine stops it, how often a good one is
 * stopped, and how long crashes after a clean install go on: the engine's own gates and phases
 * (server/rollout) over simulated fleets of 10,000 devices. Prints each figure beside its goal.
 * RUNS=n plays n rollouts a row instead of 10,000.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/rollout_sim.h"

enum { DEVICES = 10000, RUNS_DEFAULT = 10000 };

/* clang-format off */
static const struct rollout_phase hold_1[] = {{.share_milli = 1000, .is_manual = true}, {.share_milli = 100000}};
static const struct rollout_phase hold_10[] = {{.share_milli = 10000, .is_manual = true}, {.share_milli = 100000}};
static const struct rollout_phase staged[] = {
    {.device_count = 3},
    {.share_milli = 1000, .soak_ms = 7200000},
    {.share_milli = 15000, .is_manual = true},
    {.share_milli = 50000},
    {.share_milli = 100000},
};
enum { DAY_MS = 86400000 };
static const struct rollout_phase daily[] = {
    {.share_milli = 1000, .soak_ms = DAY_MS},
    {.share_milli = 10000, .soak_ms = DAY_MS},
    {.share_milli = 50000, .soak_ms = DAY_MS},
    {.share_milli = 100000, .soak_ms = (int64_t)14 * DAY_MS},
};

/* A goal is kept when none of those that are set is exceeded; 0: none, negative: never. */
struct row {
    struct sim_plan plan;
    double touched, touched_95;
    double variant;
    double days, days_95;
    double hours_95, share_95;
    double halted;        /* share of rollouts, at most */
};

#define USUAL .devices = DEVICES, .poll_s = 300, .install_s = 600
#define RARE .devices = DEVICES, .poll_s = 86400, .install_s = 21600
#define CRASH USUAL, .crash_daily = 0.01, .late_h = 1
static const struct row rows[] = {
    {.plan = {"every device fails",            USUAL, .fail = 1},                     .touched = 6, .touched_95 = 6},
    {.plan = {"every device falls silent",     USUAL, .quiet = 1},                    .touched = 6, .touched_95 = 6},
    {.plan = {"20 % fail",                     USUAL, .fail = 0.2},                   .touched = 25, .touched_95 = 60},
    {.plan = {"5 % fail",                      USUAL, .fail = 0.05},                  .touched = 120, .touched_95 = 450},
    {.plan = {"1 % fail",                      USUAL, .fail = 0.01}},
    {.plan = {"0.5 % fail (p0)",               USUAL, .fail = 0.005},                 .halted = 0.01},
    {.plan = {"0.1 % fail",                    USUAL, .fail = 0.001},                 .halted = 0.001},
    {.plan = {"none fails, 1 % naturally quiet", USUAL, .quiet = 0.01},               .halted = 0.01},
    {.plan = {"1 % of another hardware fails", USUAL, .variant = 0.01, .variant_fail = 1, .fail = 0.001}, .variant = 6},
    {.plan = {"polls 24 h, installs 6 h: all fail", RARE, .fail = 1}},
    {.plan = {"... 20 % fail",                 RARE, .fail = 0.2}},
    {.plan = {"... 5 % fail",                  RARE, .fail = 0.05}},
    {.plan = {"crashes tripled, held at 1 %",  CRASH, .crash_ratio = 3, .phases = hold_1, .phase_count = 2, .hours_max = 480}, .days = 350, .days_95 = 1000},
    {.plan = {"... held at 10 %",              CRASH, .crash_ratio = 3, .phases = hold_10, .phase_count = 2, .hours_max = 240}},
    {.plan = {"... in 3, 1 % 2 h, 15 % hold, 50, 100 %", CRASH, .crash_ratio = 3, .phases = staged, .phase_count = 5, .hours_max = 72}, .hours_95 = 24, .share_95 = 0.2},
    {.plan = {"crashes as before, 20 days at 1 %", CRASH, .crash_ratio = 1, .phases = hold_1, .phase_count = 2, .hours_max = 480}, .halted = 0.01},
    {.plan = {"... 14 days at 10 %",           CRASH, .crash_ratio = 1, .phases = hold_10, .phase_count = 2, .hours_max = 336}, .halted = 0.01},
    {.plan = {"... a day each, then 14 at 100 %", CRASH, .crash_ratio = 1, .phases = daily, .phase_count = 4}},
    {.plan = {"0.1 % of devices make 2/3 of crashes", CRASH, .crash_ratio = 1, .chronic = 10, .phases = hold_1, .phase_count = 2, .hours_max = 480}, .halted = 0.01},
    {.plan = {"... 14 days at 10 %",           CRASH, .crash_ratio = 1, .chronic = 10, .phases = hold_10, .phase_count = 2, .hours_max = 336}, .halted = 0.01},
    {.plan = {"... and nobody knew, 1 %",      CRASH, .crash_ratio = 1, .chronic = 10, .is_chronic_unknown = true, .phases = hold_1, .phase_count = 2, .hours_max = 480}},
    {.plan = {"... and nobody knew, 10 %",     CRASH, .crash_ratio = 1, .chronic = 10, .is_chronic_unknown = true, .phases = hold_10, .phase_count = 2, .hours_max = 336}},
};
/* clang-format on */

/* Says the goal, and whether it is met. */
static bool goal(const char *what, double at_most, double is)
{
    if (at_most <= 0)
        return true;
    printf("  %s <= %g: %s", what, at_most, is <= at_most ? "met" : "NOT MET");
    return is <= at_most;
}

static bool print(const struct row *row, unsigned runs, unsigned number)
{
    struct sim_plan plan = row->plan;
    struct sim_result result;
    bool good = true;

    plan.rollouts = runs;
    plan.seed = number + 1;
    sim_play(&plan, &result);
    printf("%-41s %5u /%6u %7.1f /%6.1f h %7.2f %%", plan.what, result.touched_median,
           result.touched_95, result.hours_median, result.hours_95, 100.0 * result.halted / runs);
    if (plan.crash_daily > 0)
        printf("  %.0f / %.0f device-days", result.days_median, result.days_95);
    if (plan.variant > 0)
        printf("  %u / %u of it", result.variant_median, result.variant_95);
    good = goal("median", row->touched, result.touched_median) && good;
    good = goal("95 %", row->touched_95, result.touched_95) && good;
    good = goal("of it", row->variant, result.variant_median) && good;
    good = goal("days", row->days, result.days_median) && good;
    good = goal("95 % days", row->days_95, result.days_95) && good;
    good = goal("95 % hours", row->hours_95, result.hours_95) && good;
    good = goal("95 % share", row->share_95, (double)result.touched_95 / DEVICES) && good;
    good = goal("halted", row->halted, (double)result.halted / runs) && good;
    printf("\n");
    (void)fflush(stdout);
    return good;
}

int main(void)
{
    const char *text = getenv("RUNS");
    unsigned runs = text ? (unsigned)strtoul(text, NULL, 10) : RUNS_DEFAULT;
    bool good = true;

    if (runs == 0)
        runs = RUNS_DEFAULT;
    printf(
        "%u rollouts a row, %d devices, polls 5 min, installs 10 min, phases 1/10/50/100 %%;\n"
        "median / 95th percentile of devices touched (allowed to switch) and of hours, share of\n"
        "rollouts halted\n\n",
        runs, DEVICES);
    for (size_t i = 0; i < COUNT(rows); i++)
        good = print(&rows[i], runs, (unsigned)i) && good;
    printf("\n%s\n", good ? "every goal is met" : "not every goal is met");
    return good ? 0 : 1;
}
