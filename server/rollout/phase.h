#pragma once
/*
 * Phases of a deployment, from 1. A phase has a share of all devices (cumulative, in thousandths
 * of a percent), or takes the first so many that come, or only has a filter; a filter narrows
 * either of the others, too. Pure.
 */
#include "lib/update/place.h"

struct filter;

struct rollout_phase {
    const struct filter *filter; /* NULL: everybody */
    int64_t soak_ms;             /* after everybody settled ... */
    int64_t soak_device_ms;      /* ... and so much uptime of updated devices */
    uint32_t share_milli;        /* 0: it has no share */
    uint32_t device_count;       /* 0: it does not count */
    bool is_closed;              /* for nobody: its filter is one that this program cannot read */
    bool is_manual;              /* goes on only when somebody says so ... */
    bool is_told;                /* ... who has */
};

/* Whether the filter of a phase holds for the device; never asked for a NULL filter. */
typedef bool rollout_match_fn(const struct filter *filter, void *arg);

struct rollout_device {
    uint64_t place;
    rollout_match_fn *matches;
    void *arg;
};

/* Whether the phase is for the device. A counting phase is for all that its filter lets through:
 * which of them come first is decided by who asks. */
bool rollout_phase_is_for(const struct rollout_phase *phase, const struct rollout_device *device);
/* The first of the phases up to `running` that is for the device; counting ones only while they
 * run. 0: none of them. */
uint32_t rollout_phase_of(const struct rollout_phase *phases, uint32_t running,
                          const struct rollout_device *device);
