/* Of outcomes that came together nobody knows the order: successes go first, so that a failure is
 * never paid with what may have come after it. */
#include "server/rollout/gate/install.h"

#include <math.h>

struct test {
    double up;   /* of a failure */
    double down; /* of a success */
    double lower;
    double upper;
};

static struct test test_of(const struct gate_install_settings *s, double alpha)
{
    return (struct test){
        .up = log(s->p1 / s->p0),
        .down = log((1 - s->p1) / (1 - s->p0)),
        .lower = log(s->beta / (1 - alpha)),
        .upper = log((1 - s->beta) / alpha),
    };
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
static bool walk_on(struct gate_walk *walk, const struct test *test, uint64_t succeeded,
                    uint64_t failed)
{
    uint64_t good = succeeded > walk->succeeded ? succeeded - walk->succeeded : 0;
    uint64_t bad = failed > walk->failed ? failed - walk->failed : 0;
    bool touches;

    walk->statistic += (double)good * test->down;
    touches = walk->statistic <= test->lower;
    if (touches)
        walk->statistic = test->lower;
    walk->statistic += (double)bad * test->up;
    walk->succeeded = succeeded;
    walk->failed = failed;
    return touches;
}

static void judge_strata(const struct gate_install_settings *settings, struct gate_stratum *strata,
                         size_t count, double alpha, struct gate_install *out)
{
    const struct test test = test_of(settings, alpha);

    for (size_t i = 0; i < count; i++) {
        struct gate_stratum *stratum = &strata[i];

        if (stratum->halted)
            continue;
        if (walk_on(&stratum->walk, &test, stratum->succeeded, stratum->failed))
            stratum->cap_lifted = true;
        if (out->verdict == GATE_STOP || stratum->walk.statistic < test.upper)
            continue;
        *out = (struct gate_install){
            GATE_STOP, stratum, test.lower, test.upper, stratum->walk.statistic, out->lifts};
    }
}

void gate_install_judge(const struct gate_install_settings *settings, struct gate_stratum *strata,
                        size_t count, struct gate_walk *pooled, struct gate_install *out)
{
    uint64_t succeeded = 0;
    uint64_t failed = 0;
    size_t alive = 0;
    struct test test;

    for (size_t i = 0; i < count; i++) {
        if (strata[i].halted)
            continue;
        alive++;
        succeeded += strata[i].succeeded;
        failed += strata[i].failed;
    }
    test = test_of(settings, alive > 1 ? settings->alpha / 2 : settings->alpha);
    *out = (struct gate_install){.lower = test.lower, .upper = test.upper};
    if (!settings->is_on) {
        out->lifts = true;
        return;
    }
    out->lifts = walk_on(pooled, &test, succeeded, failed);
    out->statistic = pooled->statistic;
    if (pooled->statistic >= test.upper)
        out->verdict = GATE_STOP;
    if (alive > 1)
        judge_strata(settings, strata, count, settings->alpha / 2 / (double)alive, out);
    else
        for (size_t i = 0; i < count; i++) /* the common test is its own */
            strata[i].cap_lifted = strata[i].cap_lifted || out->lifts;
}
