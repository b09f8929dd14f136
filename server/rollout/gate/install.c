/* Of outcomes that came together nobody knows the order: successes go first, so that a failure is
 * never paid with what may have come after it. */
#include "server/rollout/gate/install.h"

#include <math.h>

struct gate_install_bounds gate_install_bounds(const struct gate_install_settings *settings,
                                               double alpha)
{
    return (struct gate_install_bounds){
        .failure = log(settings->p1 / settings->p0),
        .success = log((1 - settings->p1) / (1 - settings->p0)),
        .lower = log(settings->beta / (1 - alpha)),
        .upper = log((1 - settings->beta) / alpha),
    };
}

double gate_install_rise(double outcomes)
{
    static const double from = 2000;
    double many = outcomes > from ? log(outcomes / from) : 0;

    return many + 2 * log(1 + many); /* the integral of e^-rise is no more than `from` */
}

/* Of a walk. */
static double upper_of(const struct gate_install_bounds *test, const struct gate_walk *walk)
{
    return test->upper + gate_install_rise((double)walk->succeeded + (double)walk->failed);
}

uint64_t gate_room(const struct gate_install_settings *settings, bool is_lifted, uint64_t open,
                   uint64_t succeeded)
{
    uint64_t cap = settings->start + succeeded;

    if (is_lifted || !settings->is_on)
        return UINT64_MAX;
    return open < cap ? cap - open : 0;
}

/* True when it touched the lower bound on its way. */
static bool walk_on(struct gate_walk *walk, const struct gate_install_bounds *test,
                    uint64_t succeeded, uint64_t failed)
{
    uint64_t good = succeeded > walk->succeeded ? succeeded - walk->succeeded : 0;
    uint64_t bad = failed > walk->failed ? failed - walk->failed : 0;
    bool touches;

    walk->statistic += (double)good * test->success;
    touches = walk->statistic <= test->lower;
    if (touches)
        walk->statistic = test->lower;
    walk->statistic += (double)bad * test->failure;
    walk->succeeded = succeeded;
    walk->failed = failed;
    return touches;
}

static void judge_strata(const struct gate_install_settings *settings, struct gate_stratum *strata,
                         size_t count, double alpha, struct gate_install *out)
{
    const struct gate_install_bounds test = gate_install_bounds(settings, alpha);

    for (size_t i = 0; i < count; i++) {
        struct gate_stratum *stratum = &strata[i];

        if (stratum->halted)
            continue;
        if (walk_on(&stratum->walk, &test, stratum->succeeded, stratum->failed))
            stratum->cap_lifted = true;
        if (out->verdict == GATE_STOP || stratum->walk.statistic < upper_of(&test, &stratum->walk))
            continue;
        *out = (struct gate_install){GATE_STOP,
                                     stratum,
                                     test.lower,
                                     upper_of(&test, &stratum->walk),
                                     stratum->walk.statistic,
                                     out->lifts};
    }
}

void gate_install_judge(const struct gate_install_settings *settings, struct gate_stratum *strata,
                        size_t count, struct gate_walk *pooled, struct gate_install *out)
{
    uint64_t succeeded = 0;
    uint64_t failed = 0;
    size_t alive = 0;
    struct gate_install_bounds test;

    for (size_t i = 0; i < count; i++) {
        if (strata[i].halted)
            continue;
        alive++;
        succeeded += strata[i].succeeded;
        failed += strata[i].failed;
    }
    test = gate_install_bounds(settings, alive > 1 ? settings->alpha / 2 : settings->alpha);
    *out = (struct gate_install){.lower = test.lower, .upper = test.upper};
    if (!settings->is_on) {
        out->lifts = true;
        return;
    }
    out->lifts = walk_on(pooled, &test, succeeded, failed);
    out->statistic = pooled->statistic;
    out->upper = upper_of(&test, pooled);
    if (pooled->statistic >= out->upper)
        out->verdict = GATE_STOP;
    if (alive > 1)
        judge_strata(settings, strata, count, settings->alpha / 2 / (double)alive, out);
    else
        for (size_t i = 0; i < count; i++) /* the common test is its own */
            strata[i].cap_lifted = strata[i].cap_lifted || out->lifts;
}
