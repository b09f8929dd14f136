/*
 * The statistic between its bounds is cut into cells; what falls between two is shared by both. A
 * step of the chain is some outcomes: their successes move it down, the failures among them up. At
 * the floor the cap goes: from then on a whole phase may be under way. Once the chance of a stop in
 * a step no longer changes, it is the same in all steps to come; after STEPS_MAX it is taken as it
 * is, because a request waits for this.
 *
 * Uptime until the health gate stops is about that of a Brownian motion with the same drift and
 * variance: its 95th percentile is taken as the mean and 1.645 deviations.
 */
#include "server/rollout/gate/curve.h"

#include <math.h>
#include <string.h>

#include "server/rollout/gate/health.h"
#include "server/rollout/gate/install.h"

enum { CELLS = 200, FAILURES_MAX = 12, SAME_STEPS = 20, STEPS_MAX = 2000, HISTORY_MIN = 100 };
static const double same = 1e-3;
static const double crash_assumed = 0.01;
static const double fleet_share = 0.2;
static const double ratio_max = 1000;

/* --- installs -----------------------------------------------------------------------------------
 */

/* Chances to be in each cell. */
struct layer {
    double cells[CELLS];
};

struct chain {
    const struct curve_ask *ask;
    double failing;
    double outcomes;                       /* in a step */
    double up;                             /* cells, for a failure */
    double down;                           /* cells, for a success */
    int failures;                          /* so many at most are looked at in a step */
    double many[FAILURES_MAX + 1];         /* chances of so many */
    struct layer capped, lifted;           /* with the cap, and after it went */
    double stopped_capped, stopped_lifted; /* in the newest step */
};

static void chain_init(struct chain *chain, const struct curve_ask *ask, double failing)
{
    const struct gate_install_settings *s = &ask->settings->install;
    const struct gate_install_bounds bounds = gate_install_bounds(s, s->alpha);
    double cell = (bounds.upper - bounds.lower) / CELLS;
    double outcomes = floor(fmin(cell / -bounds.success, 2 / failing));
    double chance;

    *chain = (struct chain){.ask = ask, .failing = failing};
    chain->outcomes = outcomes > 1 ? outcomes : 1;
    chain->up = bounds.failure / cell;
    chain->down = -bounds.success / cell;
    chain->failures = chain->outcomes < FAILURES_MAX ? (int)chain->outcomes : FAILURES_MAX;
    chain->capped.cells[(size_t)(-bounds.lower / cell)] = 1;
    if (failing >= 1) {
        chain->many[chain->failures] = 1;
        return;
    }
    chance = pow(1 - failing, chain->outcomes);
    for (int k = 0; k <= chain->failures; k++) {
        chain->many[k] = chance;
        chance *= (chain->outcomes - k) / (k + 1) * failing / (1 - failing);
    }
}

/* What arrives at `at`; returns what is beyond the last cell. */
static double put(struct layer *layer, double at, double chance)
{
    double below = floor(at);
    size_t cell = (size_t)below;

    if (at >= CELLS)
        return chance;
    layer->cells[cell] += chance * (1 - (at - below));
    if (cell + 1 >= CELLS)
        return chance * (at - below);
    layer->cells[cell + 1] += chance * (at - below);
    return 0;
}

/* Moves what is in `from` into the layers of `next`. */
static void move(const struct chain *chain, const struct layer *from, bool is_lifted,
                 struct chain *next)
{
    for (size_t i = 0; i < CELLS; i++) {
        if (from->cells[i] < 1e-12)
            continue;
        for (int k = 0; k <= chain->failures; k++) {
            double down = (double)i - chain->down * (chain->outcomes - k);
            bool lifts = is_lifted || down <= 0;
            double at = (down > 0 ? down : 0) + k * chain->up;
            double beyond =
                put(lifts ? &next->lifted : &next->capped, at, from->cells[i] * chain->many[k]);

            if (lifts)
                next->stopped_lifted += beyond;
            else
                next->stopped_capped += beyond;
        }
    }
}

static void chain_step(struct chain *chain)
{
    struct chain next = *chain;

    memset(&next.capped, 0, sizeof(next.capped));
    memset(&next.lifted, 0, sizeof(next.lifted));
    next.stopped_capped = next.stopped_lifted = 0;
    move(chain, &chain->capped, false, &next);
    move(chain, &chain->lifted, true, &next);
    *chain = next;
}

/* Devices of the phase in which the outcome number `outcomes` comes, and of those before. */
static double phase_end(const struct curve_ask *ask, double outcomes)
{
    for (size_t i = 0; i < ask->phase_count; i++)
        if (outcomes < (double)ask->phases[i].devices)
            return (double)ask->phases[i].devices;
    return (double)ask->devices;
}

static double touched_under_cap(const struct chain *chain, double outcomes)
{
    double places = (double)chain->ask->settings->install.start + outcomes * (1 - chain->failing);

    return fmin(outcomes + places, phase_end(chain->ask, outcomes));
}

/* Chances to reach a far bound fall by e^-(this) for each unit that it is further away: Wald's root
 * of E[e^(root * step)] = 1. */
static double root_of(const struct chain *chain)
{
    const struct gate_install_bounds test =
        gate_install_bounds(&chain->ask->settings->install, chain->ask->settings->install.alpha);
    double low = 0, high = 20;

    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        double mean = chain->failing * exp(middle * test.failure) +
                      (1 - chain->failing) * exp(middle * test.success);

        if (mean < 1)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The rest: every step stops with the chance `hazard` what is still alive, and with a smaller one
 * as the bound rises. */
static void go_on_steadily(const struct chain *chain, double alive, double hazard, double outcomes,
                           struct curve_point *point)
{
    double devices = (double)chain->ask->devices;
    double root = root_of(chain);

    while (outcomes < devices) {
        double end = phase_end(chain->ask, outcomes);
        double until = fmin(end, outcomes * 1.25 + 1);
        double now = hazard * exp(-root * gate_install_rise(outcomes));
        double stops = alive * (1 - pow(1 - now, (until - outcomes) / chain->outcomes));

        point->halted += stops;
        point->touched += stops * end;
        alive -= stops;
        outcomes = until;
    }
    point->touched += alive * devices;
}

static struct curve_point draw_point(const struct curve_ask *ask, double failing)
{
    struct curve_point point = {.failing = failing};
    struct chain chain;
    double alive = 1, before = -1, outcomes = 0;
    unsigned steady = 0, steps = 0;

    chain_init(&chain, ask, failing);
    while (outcomes < (double)ask->devices && steady < SAME_STEPS && alive > 1e-6 &&
           steps++ < STEPS_MAX) {
        double hazard;

        chain_step(&chain);
        outcomes += chain.outcomes;
        hazard = (chain.stopped_capped + chain.stopped_lifted) / alive;
        point.halted += chain.stopped_capped + chain.stopped_lifted;
        point.touched += chain.stopped_capped * touched_under_cap(&chain, outcomes) +
                         chain.stopped_lifted * phase_end(ask, outcomes);
        alive -= chain.stopped_capped + chain.stopped_lifted;
        steady = before > 0 && fabs(hazard - before) <= same * before ? steady + 1 : 0;
        before = hazard;
    }
    go_on_steadily(&chain, alive, before > 0 ? before : 0, outcomes, &point);
    return point;
}

static void draw_installs(const struct curve_ask *ask, struct curve *out)
{
    const struct gate_install_settings *s = &ask->settings->install;
    double highest = s->p1 < 0.2 ? 0.2 : (1 + s->p1) / 2;
    const double failing[] = {s->p0 / 5, s->p0, sqrt(s->p0 * s->p1), s->p1, highest, 1};

    _Static_assert(COUNT(failing) == CURVE_POINTS, "a share for each point");
    if (!s->is_on || ask->devices == 0)
        return;
    for (size_t i = 0; i < CURVE_POINTS; i++)
        out->points[i] = draw_point(ask, failing[i]);
}

/* --- crashes ------------------------------------------------------------------------------------
 */

/* Uptime of updated devices while less than a fifth of the fleet has the update. */
static double days_in_time(const struct curve_ask *ask)
{
    double days = 0;

    for (size_t i = 0; i < ask->phase_count; i++) {
        const struct curve_phase *phase = &ask->phases[i];
        double soak = phase->is_manual && phase->soak_days < 1 ? 1 : phase->soak_days;

        if ((double)phase->devices >= fleet_share * (double)ask->devices)
            break;
        days += fmax((double)phase->devices * soak, phase->soak_device_days);
    }
    return days;
}

/* Device-days until the gate stops in 95 of 100 deployments; HUGE_VAL: it may never. */
static double days_until_stop(const struct gate_health_settings *s, double daily, double ratio)
{
    double step = log(s->ratio);
    double drift = daily * (ratio * step - (s->ratio - 1));
    double variance = daily * ratio * step * step;
    double bound = gate_health_upper(s);

    if (drift <= 0)
        return HUGE_VAL;
    return bound / drift + 1.645 * sqrt(bound * variance / (drift * drift * drift));
}

static void draw_crashes(const struct curve_ask *ask, struct curve *out)
{
    const struct gate_health_settings *s = &ask->settings->health;
    double days = days_in_time(ask);
    double low = 1, high = ratio_max;

    out->is_crash_assumed = ask->crash_daily <= 0;
    out->crash_daily = out->is_crash_assumed ? crash_assumed : ask->crash_daily;
    if (!s->is_on || days_until_stop(s, out->crash_daily, high) > days)
        return;
    while (high / low > 1.001) {
        double middle = sqrt(low * high);

        if (days_until_stop(s, out->crash_daily, middle) > days)
            low = middle;
        else
            high = middle;
    }
    out->crash_ratio = high;
}

void curve_draw(const struct curve_ask *ask, struct curve *out)
{
    *out = (struct curve){0};
    draw_installs(ask, out);
    draw_crashes(ask, out);
}

double curve_propose_p0(double p0, uint64_t succeeded, uint64_t failed)
{
    double total = (double)succeeded + (double)failed;
    double rate = total >= HISTORY_MIN ? (double)failed / total : 0;
    double unit;

    if (rate <= p0 / 2)
        return 0;
    unit = pow(10, floor(log10(2 * rate)) - 1);
    return fmin(ceil(2 * rate / unit - 1e-9) * unit, 0.99);
}
