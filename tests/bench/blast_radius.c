/*
 * How many devices a bad release touches before the engine stops it, how often a good one is
 * stopped, and what crashes after a clean install cost: the engine's own gates and phases (server/
 * rollout) over simulated fleets of 10,000 devices in phases of 1, 10, 50 and 100 %. Prints each
 * figure beside its goal. RUNS=n plays fewer rollouts a row than 10,000.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/rollout_sim.h"

enum { DEVICES = 10000, RUNS_DEFAULT = 10000 };

static const char *met(bool is)
{
    return is ? "met" : "NOT MET";
}

struct install_row {
    const char *what;
    struct sim_installs plan;
    unsigned median_max; /* goals; 0: none */
    unsigned max_95;
    double false_max; /* share of false halts; negative: none */
    unsigned variant_max;
};

/* clang-format off */
#define USUAL .devices = DEVICES, .poll_s = 300, .install_s = 600
static const struct install_row install_rows[] = {
    {"every device fails",               {USUAL, .fail = 1,     .seed = 1}, 6,   6,   -1,    0},
    {"20 % fail",                        {USUAL, .fail = 0.2,   .seed = 2}, 25,  60,  -1,    0},
    {"5 % fail",                         {USUAL, .fail = 0.05,  .seed = 3}, 120, 450, -1,    0},
    {"0.5 % fail (p0)",                  {USUAL, .fail = 0.005, .seed = 4}, 0,   0,   0.01,  0},
    {"0.1 % fail",                       {USUAL, .fail = 0.001, .seed = 5}, 0,   0,   0.001, 0},
    {"none fails, 1 % go quiet anyway",  {USUAL, .quiet = 0.01, .seed = 6}, 0,   0,   0.01,  0},
    {"1 % of another hardware, all fail", {USUAL, .fail = 0.001, .variant = 0.01, .variant_fail = 1, .seed = 7}, 0, 0, -1, 6},
    {"1 % fail",                         {USUAL, .fail = 0.01,  .seed = 8}, 0,   0,   -1,    0},
    {"5 % fail, polls 24 h, installs 6 h", {.devices = DEVICES, .poll_s = 86400, .install_s = 21600, .fail = 0.05, .seed = 9}, 0, 0, -1, 0},
};
/* clang-format on */

static bool print_install(const struct install_row *row, unsigned runs)
{
    struct sim_installs plan = row->plan;
    struct sim_installs_result result;
    bool good = true;

    plan.rollouts = runs;
    sim_installs(&plan, &result);
    printf("%-36s touched %5u / %5u  %6.1f h  halted %6.2f %%", row->what, result.touched_median,
           result.touched_95, result.hours_median, 100.0 * result.halted / runs);
    if (result.stalled)
        printf("  stalled %.2f %%", 100.0 * result.stalled / runs);
    if (row->median_max) {
        good = result.touched_median <= row->median_max && result.touched_95 <= row->max_95;
        printf("  goal %u / %u: %s", row->median_max, row->max_95, met(good));
    }
    if (row->false_max >= 0) {
        good = result.halted <= row->false_max * runs;
        printf("  goal at most %.1f %% halted: %s", row->false_max * 100, met(good));
    }
    if (row->variant_max) {
        good = result.variant_median <= row->variant_max;
        printf("  of it touched %u / %u, goal %u: %s", result.variant_median, result.variant_95,
               row->variant_max, met(good));
    }
    printf("\n");
    return good;
}

static bool print_tripled(unsigned runs)
{
    struct sim_crashes plan = {
        .devices = DEVICES, .rollouts = runs, .daily = 0.01, .ratio = 3, .hours = 480, .seed = 11};
    struct sim_crashes_result result;
    bool good;

    sim_crashes(&plan, &result);
    good = result.days_median <= 350 && result.days_95 <= 1000;
    printf("%-36s %.0f / %.0f device-days, halted %.2f %%  goal 350 / 1000: %s\n",
           "crashes tripled, of 1 % a day", result.days_median, result.days_95,
           100.0 * result.halted / runs, met(good));
    return good;
}

static bool print_false(const char *what, unsigned chronic, unsigned runs)
{
    /* two weeks with 3 % of the fleet: 4,200 device-days */
    struct sim_crashes plan = {.devices = DEVICES,
                               .rollouts = runs,
                               .daily = 0.01,
                               .ratio = 1,
                               .chronic = chronic,
                               .chronic_days = 14,
                               .hours = 336,
                               .seed = 12 + chronic};
    struct sim_crashes_result result;
    bool good;

    sim_crashes(&plan, &result);
    good = result.halted <= 0.01 * runs;
    printf("%-36s halted %.2f %% in %u h  goal at most 1 %%: %s\n", what,
           100.0 * result.halted / runs, plan.hours, met(good));
    return good;
}

static bool print_staged(unsigned runs)
{
    struct sim_crashes plan = {.devices = DEVICES,
                               .rollouts = runs,
                               .daily = 0.01,
                               .ratio = 3,
                               .is_staged = true,
                               .hours = 72,
                               .seed = 21};
    struct sim_crashes_result result;
    bool good;

    sim_crashes(&plan, &result);
    /* reports of an hour are late by up to one more */
    good = result.hours_95 + 1 <= 24 && result.share_95 < 0.2;
    printf("%-36s halted after %.0f / %.0f h with %.0f %% of the fleet  goal 24 h, 20 %%: %s\n",
           "... in 3, 1 % 2 h, 15 % hold", result.hours_median + 1, result.hours_95 + 1,
           100 * result.share_95, met(good));
    return good;
}

int main(void)
{
    const char *text = getenv("RUNS");
    unsigned runs = text ? (unsigned)strtoul(text, NULL, 10) : RUNS_DEFAULT;
    bool good = true;

    if (runs == 0)
        runs = RUNS_DEFAULT;
    printf("%u rollouts a row, %d devices, polls 5 min, installs 10 min, phases 1/10/50/100 %%;\n"
           "touched: median / 95th percentile of devices allowed to activate\n\n",
           runs, DEVICES);
    for (size_t i = 0; i < COUNT(install_rows); i++)
        good = print_install(&install_rows[i], runs) && good;
    good = print_tripled(runs) && good;
    good = print_false("crashes as before", 0, runs) && good;
    good = print_false("... 0.1 % of devices crash daily", DEVICES / 1000, runs) && good;
    good = print_staged(runs) && good;
    printf("\n%s\n", good ? "every goal is met" : "not every goal is met");
    return good ? 0 : 1;
}
