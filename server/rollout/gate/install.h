#pragma once
/*
 * Failures of installing: Wald's sequential probability ratio test between a share p0 of failures
 * that is good and p1 that is bad (A. Wald, Sequential Tests of Statistical Hypotheses, 1945), one
 * for all devices and one for each stratum. An outcome is one device's: the first end after it was
 * given the update.
 *
 * The statistic is the log of the likelihood ratio. At the upper bound the deployment stops. At the
 * lower one the cap on open outcomes goes, and the test starts again from that bound instead of
 * ending: whatever was good so far is no credit for what comes, up to the last device.
 *
 * Because it starts again so often, a fleet that is large enough would be stopped some day; so
 * beyond two thousand outcomes the upper bound rises with their number, just so much that all that
 * follow together are no more likely to be a false stop than the first two thousand.
 *
 * The chance `alpha` of a false stop is shared: half for all together, half for the strata alike.
 * With one stratum there is only the common test. Pure.
 */
#include "server/rollout/gate/settings.h"

enum { GATE_STRATA_MAX = 33 };

/* Where a test stands: it has seen so many outcomes. All zeros to begin with. */
struct gate_walk {
    double statistic;
    uint64_t succeeded;
    uint64_t failed;
};

/* Numbers of one stratum, as kept in the database. */
struct gate_stratum {
    int64_t number;
    uint64_t touched;
    uint64_t open; /* allowed to activate and not ended */
    uint64_t succeeded;
    uint64_t failed;
    uint64_t device; /* ended by what the device lacks */
    uint64_t server; /* ... by what we sent */
    bool cap_lifted;
    bool halted;
    struct gate_walk walk;
};

enum gate_verdict { GATE_GO_ON, GATE_STOP };

struct gate_install {
    enum gate_verdict verdict;
    const struct gate_stratum *stratum; /* that stops; NULL: all together */
    double lower, upper; /* bounds of the test that decided, else of the common one */
    double statistic;
    bool lifts; /* the common lower bound has been reached */
};

/* Wald's test with a chance `alpha` of its own: what an outcome adds, and between which bounds. */
struct gate_install_bounds {
    double failure;
    double success; /* below zero */
    double lower;
    double upper;
};
struct gate_install_bounds gate_install_bounds(const struct gate_install_settings *settings,
                                               double alpha);

/* How much higher the upper bound is after so many outcomes. */
double gate_install_rise(double outcomes);

/* How many more devices may activate; UINT64_MAX: any number. Both must leave room: all together
 * and the device's own stratum. */
uint64_t gate_room(const struct gate_install_settings *settings, bool is_lifted, uint64_t open,
                   uint64_t succeeded);

/* Takes outcomes that came since the walks were last here: moves `pooled` and the strata's walks,
 * sets `cap_lifted` of strata whose own evidence is good. Strata that are halted are left out of
 * everything. With `is_by_stratum` one bad stratum stops alone whenever the others are fine without
 * it, and `pooled` goes on without it. */
void gate_install_judge(const struct gate_install_settings *settings, bool is_by_stratum,
                        struct gate_stratum *strata, size_t count, struct gate_walk *pooled,
                        struct gate_install *out);
