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

/* What all together would stand at without `left_out`: counted anew, because the order is gone. */
static double rest_of(const struct gate_install_bounds *test, const struct gate_stratum *strata,
                      size_t count, const struct gate_stratum *left_out)
{
    double statistic = 0;

    for (size_t i = 0; i < count; i++)
        if (!strata[i].halted && &strata[i] != left_out)
            statistic += (double)strata[i].succeeded * test->success +
                         (double)strata[i].failed * test->failure;
    return statistic > test->lower ? statistic : test->lower;
}

static struct gate_stratum *worst_of(struct gate_stratum *strata, size_t count)
{
    struct gate_stratum *worst = NULL;

    for (size_t i = 0; i < count; i++)
        if (!strata[i].halted && (!worst || strata[i].walk.statistic > worst->walk.statistic))
            worst = &strata[i];
    return worst;
}

/* Outcomes of the strata that are not halted, as many as are new to their walks. */
static void walk_all(const struct gate_install_bounds *test, const struct gate_stratum *strata,
                     size_t count, struct gate_walk *pooled, struct gate_install *out)
{
    uint64_t succeeded = pooled->succeeded, failed = pooled->failed;

    for (size_t i = 0; i < count; i++) {
        const struct gate_stratum *stratum = &strata[i];

        if (stratum->halted)
            continue;
        succeeded += stratum->succeeded - stratum->walk.succeeded;
        failed += stratum->failed - stratum->walk.failed;
    }
    out->lifts = walk_on(pooled, test, succeeded, failed);
    out->statistic = pooled->statistic;
    out->upper = upper_of(test, pooled);
    out->verdict = pooled->statistic >= out->upper ? GATE_STOP : GATE_GO_ON;
}

static void walk_strata(const struct gate_install_bounds *test, struct gate_stratum *strata,
                        size_t count, struct gate_install *out)
{
    for (size_t i = 0; i < count; i++) {
        struct gate_stratum *stratum = &strata[i];

        if (stratum->halted)
            continue;
        if (walk_on(&stratum->walk, test, stratum->succeeded, stratum->failed))
            stratum->cap_lifted = true;
        if (out->verdict == GATE_STOP || stratum->walk.statistic < upper_of(test, &stratum->walk))
            continue;
        *out = (struct gate_install){GATE_STOP,
                                     stratum,
                                     test->lower,
                                     upper_of(test, &stratum->walk),
                                     stratum->walk.statistic,
                                     out->lifts};
    }
}

void gate_install_judge(const struct gate_install_settings *settings, bool is_by_stratum,
                        struct gate_stratum *strata, size_t count, struct gate_walk *pooled,
                        struct gate_install *out)
{
    struct gate_install_bounds all, each;
    size_t alive = 0;

    for (size_t i = 0; i < count; i++)
        alive += !strata[i].halted;
    all = gate_install_bounds(settings, alive > 1 ? settings->alpha / 2 : settings->alpha);
    each = alive > 1 ? gate_install_bounds(settings, settings->alpha / 2 / (double)alive) : all;
    *out = (struct gate_install){.lower = all.lower, .upper = all.upper};
    if (!settings->is_on) {
        out->lifts = true;
        return;
    }
    walk_all(&all, strata, count, pooled, out);
    walk_strata(&each, strata, count, out);
    if (!is_by_stratum || out->verdict != GATE_STOP || alive < 2)
        return;
    if (!out->stratum) { /* is it one of them that makes all of them look bad? */
        struct gate_stratum *worst = worst_of(strata, count);

        if (rest_of(&all, strata, count, worst) >= out->upper)
            return;
        out->stratum = worst;
    }
    pooled->statistic = rest_of(&all, strata, count, out->stratum);
}
