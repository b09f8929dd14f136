#pragma once
/*
 * What the gates of a deployment would do, before it begins: with which chance it is stopped, and
 * how many devices are touched until then, for several true shares of failures; and how much more
 * often than before updated devices must crash for the health gate to see it before a fifth of the
 * fleet has the update. Computed, not simulated: the common test's statistic is a Markov chain, and
 * tests/bench/blast_radius plays what this says. Pure; ten milliseconds, at most a hundred.
 */
#include "server/rollout/gate/settings.h"

/* A phase by the devices that have the update when it is through, and how long it stays there. */
struct curve_phase {
    uint64_t devices; /* of all phases so far */
    double soak_days;
    double soak_device_days;
    bool is_manual; /* somebody looks first: it stays for a day at least */
};

struct curve_ask {
    const struct gate_settings *settings;
    const struct curve_phase *phases;
    size_t phase_count;
    uint64_t devices;   /* eligible ones */
    double crash_daily; /* share of device-days with a crash, before; 0: not known */
};

struct curve_point {
    double failing; /* of the devices, in truth */
    double halted;  /* the chance that it is stopped */
    double touched; /* devices, on average: as if every place under the cap was taken */
};

/* Below, at and above what is set: p0 / 5, p0, between, p1, one in five, everybody. */
enum { CURVE_POINTS = 6 };

struct curve {
    struct curve_point points[CURVE_POINTS]; /* of rising shares; all zeros without the gate */
    double crash_daily;                      /* that was reckoned with, ... */
    bool is_crash_assumed;                   /* ... because nothing is known */
    double crash_ratio; /* that 95 % of deployments would see in time; 0: none */
};

void curve_draw(const struct curve_ask *ask, struct curve *out);

/* A group fails by itself in so many of its updates that a test around `p0` would take them for the
 * release's: the p0 to use instead, or 0 when p0 is good. */
double curve_propose_p0(double p0, uint64_t succeeded, uint64_t failed);
